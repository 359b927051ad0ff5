"""What a whole stage is made from, known before it is built. COPY --from is looked up by this first: a stage
whose files were copied before need not be built again (issue 5, "Keys")."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from ci_builder.build.action import Step
from ci_builder.build.caching.inputs import (
    OF_ANOTHER_IMAGE,
    OF_ANOTHER_STAGE,
    Sources,
    inputs_of_step,
)
from ci_builder.build.origins import FromStage, Origin
from ci_builder.build.plan import Plan, PlannedStage
from ci_builder.cache.inputs import Input, Key, KeyMaker, frame
from ci_builder.errors import CiBuilderError
from ci_builder.oci.image import Image
from ci_builder.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Recipes:
    """``steps`` and ``sources`` give those of a stage by its number, ``image`` resolves what is no stage.
    ``forced`` stages are built anew, so nothing is known of what they give."""

    planned: Plan
    steps: Mapping[int, tuple[Step, ...]]
    sources: Callable[[PlannedStage], Sources]
    image: Callable[[Origin], Image | None]
    forced: frozenset[int] = frozenset()
    _known: dict[int, Key] = field(default_factory=dict)

    def identity(self, origin: Origin) -> Input | None:
        """What ``origin`` is, for the key of a step that takes files of it; None for a folder."""
        if isinstance(origin, FromStage):
            return Input(OF_ANOTHER_STAGE, frame(self.of(origin.index)))
        image = self.image(origin)
        if image is None:
            return None
        return Input(OF_ANOTHER_IMAGE, frame(tuple(str(layer.diff_id) for layer in image.layers)))

    def of(self, index: int) -> Key:
        """The recipe of a stage; one that is never seen again where nothing can be said."""
        if index not in self._known:
            # Several stages may ask at once, and have to hear the same.
            self._known.setdefault(index, self._make(index))
        return self._known[index]

    def _make(self, index: int) -> Key:
        if index in self.forced:
            return _never_again()
        stage = self.planned.stage(index)
        sources = self.sources(stage)
        maker = KeyMaker()
        try:
            maker.add(self.identity(stage.base) or Input("base", secrets.token_bytes()))
            for step in self.steps[index]:
                for item in inputs_of_step(step, sources) if step.actions else ():
                    maker.add(item)
        except (CiBuilderError, OSError):
            return _never_again()  # building it will say what is wrong
        return maker.key()


def _never_again() -> Key:
    return Key(secrets.token_hex())
