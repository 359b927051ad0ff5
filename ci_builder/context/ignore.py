""".dockerignore: which paths of a context are left out.

The meaning is the one that docker gives it (Dockerfile reference, ".dockerignore files"): the last
pattern that matches a path or a directory above it wins, ``!`` takes paths back in, ``**`` stands for
any number of directories. A directory that is left out may still hold files that were taken back in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable

from ci_builder.context.match import translate
from ci_builder.errors import ContextError, InvalidValue
from ci_builder.values import dataclass, field

_WILD = frozenset("*?[\\")
_MOST_KNOWN = 1 << 12


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: ``text`` cleaned and without its ``!``; ``exception``: it began with one."""

    text: str
    exception: bool
    matches: Callable[[str], bool] = field(compare=False, repr=False)

    def may_match_below(self, directory: str) -> bool:
        """Whether it could match something inside ``directory``; in doubt, yes."""
        for wanted, there in zip(self.text.split("/"), directory.split("/"), strict=False):
            if _WILD & set(wanted):
                return True
            if wanted != there:
                return False
        return True


@dataclass(frozen=True, slots=True)
class Ignore:
    """The patterns of one .dockerignore, in their order."""

    patterns: tuple[Pattern, ...] = ()
    # What was found out about directories: the same questions come again for each file in them.
    _known: dict[str, tuple[bool, ...]] = field(default_factory=dict, compare=False, repr=False)

    def without(self, path: str) -> Ignore:
        """The same, and ``path`` (relative to the context's root) with all that is in it whatever was said
        before."""
        return Ignore((*self.patterns, Pattern(path, False, path.__eq__)))

    def without_names(self, folder: str, names: str) -> Ignore:
        """The same without what in ``folder`` (relative to the context's root, empty for that) has one of the
        ``names``, a regular expression."""
        expression = re.compile(f"{re.escape(f'{folder}/' if folder else '')}(?:{names})")
        found = Pattern(expression.pattern, False, lambda path: expression.fullmatch(path) is not None)
        return Ignore((*self.patterns, found))

    def excludes(self, path: bytes) -> bool:
        """Whether ``path`` (relative to the context's root, no ``.`` or ``..`` in it) is left out."""
        return self._excluded(os.fsdecode(path))

    def prunes(self, directory: bytes) -> bool:
        """Whether ``directory`` is left out together with everything in it."""
        name = os.fsdecode(directory)
        if not self._excluded(name):
            return False
        return not any(item.exception and item.may_match_below(name) for item in self.patterns)

    def _excluded(self, path: str) -> bool:
        excluded = False
        for pattern, matched in zip(self.patterns, self._matched(path), strict=True):
            if matched:
                excluded = not pattern.exception
        return excluded

    def _matched(self, path: str) -> tuple[bool, ...]:
        """For each pattern whether it matched ``path`` or, at its turn, a directory above it."""
        above = path.rpartition("/")[0]
        inherited = self._of_directory(above) if above else (False,) * len(self.patterns)
        results: list[bool] = []
        excluded = False
        for pattern, from_above in zip(self.patterns, inherited, strict=True):
            # A pattern that could not change the verdict is not asked, as docker does: what is
            # inherited by the files below depends on it.
            matched = from_above or (pattern.exception == excluded and pattern.matches(path))
            if matched:
                excluded = not pattern.exception
            results.append(matched)
        return tuple(results)

    def _of_directory(self, path: str) -> tuple[bool, ...]:
        known = self._known.get(path)
        if known is None:
            known = self._matched(path)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[path] = known
        return known


def parse(text: str, name: str = ".dockerignore") -> Ignore:
    """The Ignore that ``text`` describes. Raises ContextError with ``name`` and the line that is wrong."""
    patterns = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.strip()
        if line.startswith("#") or not stripped:
            continue
        exception = stripped.startswith("!")
        body = stripped[1:].strip() if exception else stripped
        # "!/" is nothing behind the mark for docker, too.
        cleaned = (clean(body).lstrip("/") or ("" if exception else "/")) if body else ""
        try:
            patterns.append(Pattern(cleaned, exception, _matcher(cleaned)))
        except InvalidValue as error:
            raise ContextError(f"{name}:{number}: {error}") from error
    return Ignore(tuple(patterns))


def of_patterns(texts: Iterable[str]) -> Ignore:
    """What leaves out the paths that ``texts`` match, in their order (COPY --exclude). They are like
    lines of a .dockerignore, but for comments and a slash in front, which are part of the pattern.
    Raises InvalidValue."""
    patterns = []
    for text in filter(None, map(str.strip, texts)):
        body = text.removeprefix("!").strip()
        cleaned = clean(body) if body else ""
        patterns.append(Pattern(cleaned, text.startswith("!"), _matcher(cleaned)))
    return Ignore(tuple(patterns))


def clean(path: str) -> str:
    """``path`` by the rules of Go's ``filepath.Clean``: no empty, ``.`` or inner ``..`` element."""
    kept: list[str] = []
    rooted = path.startswith("/")
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part != ".." or not rooted:
            kept.append(part)
    return ("/" if rooted else "") + "/".join(kept) or "."


def _matcher(pattern: str) -> Callable[[str], bool]:
    if not pattern:
        raise InvalidValue("pattern", "!", "there is nothing after the exclamation mark")
    if pattern.startswith("**") and not _WILD & set(pattern[2:]):
        return _suffix_matcher(pattern[2:])
    expression = re.compile("".join(_pieces(pattern)), re.DOTALL)
    return lambda path: expression.fullmatch(path) is not None


def _suffix_matcher(suffix: str) -> Callable[[str], bool]:
    # ``**name`` is any path that ends so, be it within a file's name; ``**/name`` wants the slash.
    return lambda path: path.endswith(suffix) or f"/{path}" == suffix


def _pieces(pattern: str) -> list[str]:
    pieces: list[str] = []
    position = 0
    while position < len(pattern):
        if not pattern.startswith("**", position):
            piece, position = translate(pattern, position)
            pieces.append(piece)
            continue
        position += 2
        position += pattern.startswith("/", position)
        pieces.append("(?:.*/)?" if position < len(pattern) else ".*")
    return pieces
