"""The program's dataclasses behave as the standard library's, from the first instance to the hundredth."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ci_builder import values

_BOTH = pytest.mark.parametrize("module", [dataclasses, values], ids=["standard", "ours"])
_AGES = pytest.mark.parametrize("instances", [0, 100], ids=["new", "old"])


def _frozen(module: Any, instances: int) -> Any:
    @module.dataclass(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        tags: list[str] = module.field(default_factory=list, compare=False)
        seen: int = module.field(default=0, repr=False)

        def doubled(self) -> Any:
            return module.replace(self, x=2 * self.x)

    for number in range(instances):
        Point(number)  # type: ignore[call-arg]
    return Point


@_BOTH
@_AGES
def test_values(module: Any, instances: int) -> None:
    point = _frozen(module, instances)
    one, other = point(1), point(1, y=2, tags=["a"])
    assert (one, hash(one)) == (other, hash(other))
    assert one != point(2)
    assert one != (1, 2, 0)
    assert one.tags is not point(1).tags
    assert repr(other).endswith("Point(x=1, y=2, tags=['a'])")
    assert one.doubled().x == 2
    assert module.asdict(other) == {"x": 1, "y": 2, "tags": ["a"], "seen": 0}
    assert [item.name for item in module.fields(point)] == ["x", "y", "tags", "seen"]
    assert not hasattr(one, "__dict__")


@_BOTH
@_AGES
@pytest.mark.parametrize("arguments", [(), (1, 2, [], 4, 5)])
@pytest.mark.parametrize("named", [{}, {"x": 1, "z": 2}])
def test_wrong_arguments(
    module: Any, instances: int, arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    point = _frozen(module, instances)
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) (missing|takes|got)"):
        point(*arguments, **named)
    assert point(3).x == 3


@_BOTH
@_AGES
def test_frozen(module: Any, instances: int) -> None:
    one = _frozen(module, instances)(1)
    for name in ("x", "unknown"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(one, name, 2)
    with pytest.raises(AttributeError):
        del one.x
    assert one.x == 1


@_BOTH
@_AGES
def test_changing(module: Any, instances: int) -> None:
    @module.dataclass(slots=True)
    class Counter:
        count: int = 0
        twice: int = module.field(init=False, default=0)

        def __post_init__(self) -> None:
            self.twice = 2 * self.count

    for _ in range(instances):
        Counter()
    one = Counter(2)  # type: ignore[call-arg]
    one.count += 1
    assert (one.count, one.twice) == (3, 4)
    assert Counter(4) == Counter(4)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    with pytest.raises(TypeError, match="twice"):
        Counter(twice=1)  # type: ignore[call-arg]


@_BOTH
@_AGES
def test_order_names_only_and_inheritance(module: Any, instances: int) -> None:
    @module.dataclass(frozen=True, slots=True, order=True)
    class Version:
        major: int
        minor: int = 0

        def __repr__(self) -> str:
            return "own"

    @module.dataclass(frozen=True, slots=True, kw_only=True)
    class Named(Version):
        name: str

    for number in range(instances):
        Version(number), Named(number, name="n")  # type: ignore[call-arg]
    assert sorted([Version(2), Version(1, 1), Version(1)]) == [Version(1), Version(1, 1), Version(2)]  # type: ignore[call-arg,type-var]
    assert Version(1) <= Version(1)  # type: ignore[call-arg,operator]
    assert repr(Version(1)) == "own"  # type: ignore[call-arg]
    named = Named(1, name="n")  # type: ignore[call-arg]
    assert (named.major, named.minor, named.name) == (1, 0, "n")
    assert named == module.replace(named, minor=0)
    with pytest.raises(TypeError):
        Named(1, 2, "n")  # type: ignore[call-arg]
