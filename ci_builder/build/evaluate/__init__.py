"""What instructions mean: ``(state, instruction) -> (state, step)``, pure; nothing here touches a disk.

The same evaluation gives the plan, the cache keys, the config and the history. The meaning is
BuildKit's; config and history lines are those that dockerd 20.10's BuildKit writes.
"""

from ci_builder.build.evaluate.begin import begin, begin_from_stage
from ci_builder.build.evaluate.finish import finish
from ci_builder.build.evaluate.instruction import evaluate
from ci_builder.build.evaluate.settings import Settings
from ci_builder.build.evaluate.state import State

__all__ = ["Settings", "State", "begin", "begin_from_stage", "evaluate", "finish"]
