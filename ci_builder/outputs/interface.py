"""The interface of the outputs: a Product goes in, a line for people comes out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from ci_builder.oci.image import Image
from ci_builder.oci.reference import Reference
from ci_builder.rootfs.times import KEPT, Times
from ci_builder.rootfs.tree import Tree
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """A built image in the form that an output wants, the names that it gets there, and its files (made
    on demand, gone afterwards).

    ``annotations`` are for the entry of an index that names the manifest; ``times`` what time files get
    that are written without an image.
    """

    image: Image
    references: tuple[Reference, ...]
    files: Callable[[], AbstractContextManager[Tree]]
    annotations: tuple[tuple[str, str], ...] = ()
    times: Times = KEPT


@dataclass(frozen=True, slots=True)
class Written:
    """``where`` the product went, for people; ``pushed`` the references that a registry has now."""

    where: str
    pushed: tuple[str, ...] = ()


class Output(Protocol):
    """One place to write to."""

    def check(self, references: tuple[Reference, ...]) -> None:
        """Fail before the build rather than after it: no such folder, no permission to push."""

    def write(self, product: Product) -> Written:
        """Write it, whole or not at all. Raises OutputError, RegistryError."""
