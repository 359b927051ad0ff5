"""The dataclasses of this program: the standard library's, but cheap to define.

There, every class gets half a dozen methods that are written as text and compiled when it is defined. For
the two hundred classes of a build that took more time than all the rest of the start. Here the fields are
the standard library's, and so is ``__init__`` as soon as a class has a few instances; until then, and for
everything else, there are plain functions. Type checkers see the standard library's decorator; ``field``,
``fields``, ``replace`` and ``asdict`` work as ever.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError
from operator import attrgetter, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

_FEW = 20
"""Instances that cost less to fill one by one than a function for it costs to compile."""

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, order: bool = False, **settings: bool) -> Callable[[type], type]:
        """See dataclasses.dataclass; ``settings`` are its ``slots`` and ``kw_only``."""

        def decorate(cls: type) -> type:
            if cls.__doc__ is None:
                cls.__doc__ = cls.__name__  # the standard library would work out a signature instead
            own = frozenset(vars(cls))
            made = dataclasses.dataclass(init=False, repr=False, eq=False, **settings)(cls)
            for name, method in _methods(made, frozen, order).items():
                if name not in own:
                    setattr(made, name, method)
            return made

        return decorate


def _methods(cls: Any, frozen: bool, order: bool) -> dict[str, Any]:
    fields = dataclasses.fields(cls)
    key = _key([item.name for item in fields if item.compare])
    found: dict[str, Any] = {"__init__": _init(cls, fields, frozen), "__repr__": _repr(fields)}
    found["__eq__"] = _equal(key)
    found["__hash__"] = (lambda self: hash(key(self))) if frozen else None
    if frozen:
        found |= {"__setattr__": _refuse, "__delattr__": _refuse}
    if order:
        found |= {f"__{compare.__name__}__": _ordered(compare, key) for compare in (lt, le, gt, ge)}
    return found


def _init(cls: Any, fields: tuple[dataclasses.Field[Any], ...], frozen: bool) -> Callable[..., None]:
    """Fills the first few instances; then, or when arguments are wrong, ``_compiled`` takes its place."""
    positional = [item.name for item in fields if item.init and not item.kw_only]
    left = _FEW

    def init(self: Any, *arguments: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        given = {**dict(zip(positional, arguments, strict=False)), **named}
        if left and len(given) == len(arguments) + len(named):
            values = [_value(item, given) for item in fields]
            if not given and not any(value is MISSING for value in values):
                for item, value in zip(fields, values, strict=True):
                    object.__setattr__(self, item.name, value)
                if hasattr(cls, "__post_init__"):
                    self.__post_init__()
                return
        cls.__init__ = _compiled(cls, fields, frozen)
        cls.__init__(self, *arguments, **named)

    return init


def _value(item: dataclasses.Field[Any], given: dict[str, Any]) -> Any:
    """The field's value, taken out of ``given``; MISSING where there is none."""
    if item.init and item.name in given:
        return given.pop(item.name)
    return item.default if item.default_factory is MISSING else item.default_factory()


def _compiled(cls: Any, fields: tuple[dataclasses.Field[Any], ...], frozen: bool) -> Callable[..., None]:
    """``__init__`` as the standard library writes it."""
    alike = [
        (
            item.name,
            object,
            dataclasses.field(
                default=item.default,
                default_factory=item.default_factory,
                init=item.init,
                kw_only=item.kw_only,
            ),
        )
        for item in fields
    ]
    after = {"__post_init__": cls.__post_init__} if hasattr(cls, "__post_init__") else {}
    made: Any = dataclasses.make_dataclass(
        cls.__name__, alike, namespace=after, repr=False, eq=False, frozen=frozen
    )
    init: Callable[..., None] = made.__init__
    return init


def _key(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """What instances are compared by."""
    if not names:
        return lambda self: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda self: (get(self),)


def _equal(key: Callable[[object], tuple[object, ...]]) -> Callable[[object, object], bool]:
    def equal(self: object, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _ordered(
    compare: Callable[[Any, Any], bool], key: Callable[[object], tuple[object, ...]]
) -> Callable[[object, object], bool]:
    def ordered(self: object, other: object) -> bool:
        return compare(key(self), key(other)) if other.__class__ is self.__class__ else NotImplemented

    return ordered


def _repr(fields: tuple[dataclasses.Field[Any], ...]) -> Callable[[object], str]:
    names = [item.name for item in fields if item.repr]

    def shown(self: object) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({inside})"

    return shown


def _refuse(self: object, name: str, *value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot change field {name!r}")
