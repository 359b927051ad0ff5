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
from ci_builder.oci.platform import Platform
from ci_builder.values import dataclass, field, replace

_UNTOLD = Key("")


@dataclass(frozen=True, slots=True)
class _Recipe:
    """``touched`` is what the kernel said of the files before they were read."""

    key: Key
    touched: Key


@dataclass(frozen=True, slots=True)
class Recipes:
    """``steps`` and ``sources`` give those of a stage by its number, ``image`` resolves what is no stage.
    ``forced`` stages are built anew, so what they gave before is of no use."""

    planned: Plan
    steps: Mapping[int, tuple[Step, ...]]
    sources: Callable[[PlannedStage], Sources]
    image: Callable[[Origin, Platform | None], Image | None]
    forced: frozenset[int] = frozenset()
    _known: dict[int, _Recipe] = field(default_factory=dict)
    _forced: dict[int, bool] = field(default_factory=dict)

    def identity(self, origin: Origin, platform: Platform | None = None) -> Input | None:
        """What ``origin`` is, for the key of a step that takes files of it; None for a folder. ``platform``:
        that of an image, None for the build's."""
        if isinstance(origin, FromStage):
            return Input(OF_ANOTHER_STAGE, frame(self.of(origin.index)))
        image = self.image(origin, platform)
        if image is None:
            return None
        return Input(OF_ANOTHER_IMAGE, frame(tuple(str(layer.diff_id) for layer in image.layers)))

    def of(self, index: int) -> Key:
        """The recipe of a stage; one that is never seen again where nothing can be said."""
        if index not in self._known:
            touched = self._touched(index, {})
            # Several stages may ask at once, and have to hear the same.
            self._known.setdefault(index, _Recipe(self._make(index), touched))
        return self._known[index].key

    def is_forced(self, origin: Origin) -> bool:
        """Whether ``origin`` is built anew, or something that it is made of: then nothing is found by its
        recipe, and what is made is what later builds find by it."""
        if not self.forced or not isinstance(origin, FromStage):
            return False
        index = origin.index
        if index not in self._forced:
            stage = self.planned.stage(index)
            names = (text for step in self.steps[index] for text in step.origins)
            origins = (stage.base, *(stage.origin(text) for text in names))
            self._forced[index] = index in self.forced or any(map(self.is_forced, origins))
        return self._forced[index]

    def is_true(self, origin: Origin) -> bool:
        """Whether ``origin`` still is what was told of it: a stage is built after its recipe was made, and
        files may have changed in between."""
        if not isinstance(origin, FromStage) or origin.index not in self._known:
            return True
        return self._known[origin.index].touched == self._touched(origin.index, {})

    def _make(self, index: int) -> Key:
        stage = self.planned.stage(index)
        base = self.identity(stage.base, stage.platform) or Input("base", secrets.token_bytes())
        # Building it will say what is wrong.
        return self._key(index, base, self.sources(stage)) or _never_again()

    def _touched(self, index: int, seen: dict[int, Key]) -> Key:
        """The same by what the kernel says of files; ``seen`` are those of other stages."""
        if index not in seen:
            stage = self.planned.stage(index)

            def identity(origin: Origin, platform: Platform | None = None) -> Input | None:
                if isinstance(origin, FromStage):
                    return Input(OF_ANOTHER_STAGE, frame(self._touched(origin.index, seen)))
                return self.identity(origin, platform)

            base = identity(stage.base, stage.platform) or Input("base", b"")
            sources = replace(
                self.sources(stage), quick=True, identity=lambda text: identity(stage.origin(text))
            )
            seen[index] = self._key(index, base, sources) or _UNTOLD
        return seen[index]

    def _key(self, index: int, base: Input, sources: Sources) -> Key | None:
        """None where something that it takes is not there."""
        maker = KeyMaker()
        try:
            maker.add(base)
            for step in self.steps[index]:
                for item in inputs_of_step(step, sources) if step.actions else ():
                    maker.add(item)
        except (CiBuilderError, OSError):
            return None
        return maker.key()


def _never_again() -> Key:
    return Key(secrets.token_hex())
