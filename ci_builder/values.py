"""The dataclasses of this program: those of the standard library, but cheap to define.

There, every class gets half a dozen methods that are written as text and compiled when it is defined, and the
module itself imports a part of the interpreter's compiler. For the three hundred classes of a build that took
more time than all the rest of the start. Here a class gets plain functions, and an ``__init__`` of its own as
soon as it has a few instances. Type checkers see the standard library's names, whose functions work on these
classes as well; what they need for it is made when one of them asks.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["asdict", "dataclass", "field", "fields", "is_value", "replace"]

_FEW = 20
"""Instances that cost less to fill one by one than a function for it costs to compile."""
_FIELDS = "__value_fields__"


class _Missing:
    """The value of a field that has none."""

    def __repr__(self) -> str:
        return "<missing>"


_MISSING = _Missing()


class _Field:
    """As dataclasses.Field."""

    __slots__ = ("compare", "default", "default_factory", "init", "kw_only", "name", "repr")

    def __init__(
        self,
        default: Any = _MISSING,
        default_factory: Any = _MISSING,
        *,
        init: bool = True,
        repr: bool = True,
        compare: bool = True,
    ) -> None:
        self.name = ""
        self.kw_only = False
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare

    def value(self) -> Any:
        """What it has where nothing is given."""
        return self.default if self.default_factory is _MISSING else self.default_factory()


class _Standard:
    """``__dataclass_fields__``, by which the standard library knows a dataclass, made when asked for."""

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        import dataclasses

        def missing(value: Any) -> Any:
            return dataclasses.MISSING if value is _MISSING else value

        alike = [
            (
                item.name,
                object,
                dataclasses.field(
                    default=missing(item.default),
                    default_factory=missing(item.default_factory),
                    init=item.init,
                    repr=item.repr,
                    compare=item.compare,
                    kw_only=item.kw_only,
                ),
            )
            for item in _fields_of(owner)
        ]
        made: Any = dataclasses.make_dataclass(owner.__name__, alike, init=False)
        found: dict[str, Any] = made.__dataclass_fields__
        return found


if TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, fields, replace
    from typing import TypeGuard

    from _typeshed import DataclassInstance
else:
    field = _Field

    def dataclass(
        *, frozen: bool = False, order: bool = False, kw_only: bool = False, slots: bool
    ) -> Callable[[type], type]:
        """See dataclasses.dataclass. Every class has slots. Raises TypeError for a class without them, and
        ValueError for a default that instances would share."""
        if not slots:
            raise TypeError("a dataclass of this program has slots")

        def decorate(cls: type) -> type:
            found = _collect(cls, kw_only)
            own = frozenset(vars(cls))
            made = _with_slots(cls, found)
            for name, method in _methods(made, tuple(found.values()), frozen, order).items():
                if name not in own:
                    setattr(made, name, method)
            return made

        return decorate

    def fields(value: Any) -> tuple[_Field, ...]:
        """See dataclasses.fields; of each field the name is told, and how it is filled."""
        return _fields_of(value if isinstance(value, type) else type(value))

    def replace(value: Any, **changes: Any) -> Any:
        """See dataclasses.replace."""
        for item in _fields_of(type(value)):
            if item.init:
                if item.name not in changes:
                    changes[item.name] = getattr(value, item.name)
            elif item.name in changes:
                raise ValueError(f"field {item.name} is declared with init=False: it cannot be replaced")
        return type(value)(**changes)

    def asdict(value: Any) -> dict[str, Any]:
        """See dataclasses.asdict; what is no container of the standard library is not copied."""
        return {item.name: _plain(getattr(value, item.name)) for item in _fields_of(type(value))}


def is_value(value: object) -> TypeGuard[DataclassInstance]:
    """Whether it is an instance of one of these classes."""
    return hasattr(type(value), _FIELDS)


def _fields_of(cls: type) -> tuple[_Field, ...]:
    found: tuple[_Field, ...] = getattr(cls, _FIELDS)
    return found


def _plain(value: Any) -> Any:
    if is_value(value):
        return {item.name: _plain(getattr(value, item.name)) for item in _fields_of(type(value))}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value


def _collect(cls: type, kw_only: bool) -> dict[str, _Field]:
    """The fields by name, those of the bases first."""
    found = {item.name: item for base in reversed(cls.__mro__[1:]) for item in getattr(base, _FIELDS, ())}
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        if str(annotation).startswith(("ClassVar", "InitVar", "KW_ONLY")):
            raise TypeError(f"{cls.__qualname__}.{name}: {annotation} is not supported")
        default = vars(cls).get(name, _MISSING)
        if type(default).__module__ == "dataclasses":
            raise TypeError(f"{cls.__qualname__}.{name}: a field of the standard library, use ours")
        item = default if isinstance(default, _Field) else _Field(default)
        if type(item.default).__hash__ is None:
            raise ValueError(f"{cls.__qualname__}.{name}: a mutable default, use default_factory")
        item.name, item.kw_only = name, kw_only
        found[name] = item
    return found


def _with_slots(cls: type, found: dict[str, _Field]) -> Any:
    """The class anew: slots cannot be added to one that is there."""
    content = dict(vars(cls))
    names = tuple(content.get("__annotations__", {}))
    for name in (*names, "__dict__", "__weakref__"):
        content.pop(name, None)
    content["__slots__"] = names
    content[_FIELDS] = tuple(found.values())
    content["__dataclass_fields__"] = _Standard()
    content["__match_args__"] = tuple(item.name for item in found.values() if item.init and not item.kw_only)
    content["__qualname__"] = cls.__qualname__
    if cls.__doc__ is None:
        content["__doc__"] = cls.__name__
    return type(cls)(cls.__name__, cls.__bases__, content)


def _methods(cls: Any, fields: tuple[_Field, ...], frozen: bool, order: bool) -> dict[str, Any]:
    key = _key([item.name for item in fields if item.compare])
    found: dict[str, Any] = {"__init__": _init(cls, fields), "__repr__": _repr(fields)}
    found["__eq__"] = _equal(key)
    found["__hash__"] = (lambda self: hash(key(self))) if frozen else None
    if frozen:
        found |= {"__setattr__": _refuse, "__delattr__": _refuse}
    if order:
        found |= {f"__{compare.__name__}__": _ordered(compare, key) for compare in (lt, le, gt, ge)}
    return found


def _init(cls: Any, fields: tuple[_Field, ...]) -> Callable[..., None]:
    """Fills the first few instances; then, or when arguments are wrong, ``_compiled`` takes its place."""
    positional = [item.name for item in fields if item.init and not item.kw_only]
    left = _FEW

    def init(self: Any, *arguments: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        given = {**dict(zip(positional, arguments, strict=False)), **named}
        if left and len(given) == len(arguments) + len(named):
            values = [
                given.pop(item.name) if item.init and item.name in given else item.value() for item in fields
            ]
            if not given and _MISSING not in values:
                for item, value in zip(fields, values, strict=True):
                    object.__setattr__(self, item.name, value)
                if hasattr(cls, "__post_init__"):
                    self.__post_init__()
                return
        cls.__init__ = _compiled(cls, fields)
        cls.__init__(self, *arguments, **named)

    return init


def _compiled(cls: Any, fields: tuple[_Field, ...]) -> Callable[..., None]:
    """An ``__init__`` with a parameter for each field, which fills the slots."""
    names: dict[str, Any] = {"_missing": _MISSING}
    parameters, keywords, lines = ["self"], list[str](), list[str]()
    for number, item in enumerate(fields):
        names[f"_set{number}"] = getattr(cls, item.name).__set__
        names[f"_make{number}"] = item.default_factory
        names[f"_default{number}"] = _MISSING if item.default is _MISSING else item.default
        made = f"_default{number}" if item.default_factory is _MISSING else f"_make{number}()"
        if item.init:
            optional = item.default is not _MISSING or item.default_factory is not _MISSING
            parameter = f"{item.name}=_default{number}" if optional else item.name
            (keywords if item.kw_only else parameters).append(parameter)
            if item.default_factory is not _MISSING:
                made = f"{made} if {item.name} is _missing else {item.name}"
            else:
                made = item.name
        lines.append(f" _set{number}(self, {made})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    star = ["*"] if keywords else []
    text = f"def __init__({', '.join([*parameters, *star, *keywords])}):\n" + "\n".join(lines or [" pass"])
    exec(text, names)  # noqa: S102 the text is made of names of fields
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
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


def _repr(fields: tuple[_Field, ...]) -> Callable[[object], str]:
    names = [item.name for item in fields if item.repr]

    def shown(self: object) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({inside})"

    return shown


def _refuse(self: object, name: str, *value: object) -> NoReturn:
    raise AttributeError(f"cannot change field {name!r}")
