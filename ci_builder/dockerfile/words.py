"""Word expansion: quotes, escapes and variables as in the Dockerfile reference, "Environment replacement".

    $name  ${name}              the value, empty when unset
    ${name:-word}  ${name-word} word when unset (with the colon: or empty)
    ${name:+word}  ${name+word} word when set (with the colon: and not empty)
    ${name:?word}  ${name?word} an error with word as its message when unset (or empty)
    ${name#p}  ${name##p}       without the shortest or longest beginning that matches p
    ${name%p}  ${name%%p}       the same for the end
    ${name/p/text}  ${name//p/text}   the first match, or every match of p replaced

Words nest. Within ``'…'`` everything is literal, within ``"…"`` variables are expanded. The escape
character (``\\``, or what the directive says) makes the next character literal. Positional and
special parameters (``$1``, ``$@`` …) are always unset. Errors are InvalidValue; the callers turn
them into a DockerfileError, as they know the place.
"""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.dockerfile.patterns import Pattern, PatternError
from ci_builder.errors import InvalidValue
from ci_builder.patterns import pattern
from ci_builder.values import dataclass

_MAX_DEPTH = 100
_SPECIAL_PARAMETERS = frozenset("@*#?-$!0")


@dataclass(frozen=True, slots=True)
class Rules:
    """How text is read.

    escape        the escape character
    keep_quotes   quotes stay in the result
    keep_escapes  escape characters stay in the result
    keep_unset    ``$name`` of a variable that is not set stays as it is written
    quoting       False: quotes are ordinary characters (bodies of heredocs)
    heredocs      white space between ``<<`` and its name does not end a word
    """

    escape: str = "\\"
    keep_quotes: bool = False
    keep_escapes: bool = False
    keep_unset: bool = False
    quoting: bool = True
    heredocs: bool = False


@dataclass(frozen=True, slots=True)
class Expansion:
    """``text`` is the result as a whole, ``words`` the same split at white space that was not quoted.
    ``used`` are the variables that were found, ``missing`` those that were not."""

    text: str
    words: tuple[str, ...]
    used: frozenset[str]
    missing: frozenset[str]


PLAIN = Rules()
_WHITE_SPACE = pattern(r"\s+")


def expand(text: str, variables: Mapping[str, str], rules: Rules = PLAIN) -> Expansion:
    """Expand ``text``. Raises InvalidValue."""
    reader = _Reader(text, variables, rules)
    try:
        result, words = reader.until("", rules.keep_escapes)
    except _Broken as error:
        raise InvalidValue("word", text, str(error)) from None
    return Expansion(result, words, frozenset(reader.used), frozenset(reader.missing))


class _Broken(Exception):
    pass


class _Words:
    """Collects words; white space that came from outside quotes ends one."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._pieces: list[str] = []

    def add(self, text: str) -> None:
        first, *others = _WHITE_SPACE.split(text)
        self._pieces.append(first)
        for other in others:
            self._end()
            self._pieces.append(other)

    def add_literal(self, text: str) -> None:
        self._pieces.append(text)

    def finish(self) -> tuple[str, ...]:
        self._end()
        return tuple(self._done)

    def _end(self) -> None:
        word = "".join(self._pieces)
        self._pieces.clear()
        if word:
            self._done.append(word)


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str], rules: Rules) -> None:
        self.text = text
        self.at = 0
        self.variables = variables
        self.rules = rules
        self.keep_escapes = rules.keep_escapes
        self.depth = 0
        self.used: set[str] = set()
        self.missing: set[str] = set()

    def peek(self) -> str:
        """The next character, empty at the end."""
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        character = self.peek()
        self.at += len(character)
        return character

    def until(self, stop: str, keep_escapes: bool) -> tuple[str, tuple[str, ...]]:
        """Read up to and with ``stop`` (empty: to the end)."""
        outer, self.keep_escapes = self.keep_escapes, keep_escapes
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _Broken("nested too deeply")
        result: list[str] = []
        words = _Words()
        try:
            while character := self.peek():
                if character == stop:
                    self.next()
                    return "".join(result), words.finish()
                self._one(character, result, words)
        finally:
            self.keep_escapes = outer
            self.depth -= 1
        if stop:
            raise _Broken(f"a closing {stop} is missing")
        return "".join(result), words.finish()

    def _one(self, character: str, result: list[str], words: _Words) -> None:
        if character == "$":
            piece = self._dollar()
            words.add(piece)
        elif self.rules.quoting and character in "'\"":
            piece = self._single() if character == "'" else self._double()
            words.add_literal(piece)
        elif self.rules.heredocs and self.text.startswith("<<", self.at):
            piece = self._heredoc_mark()
            words.add_literal(piece)
        elif character == self.rules.escape:
            self.next()
            piece = (character if self.keep_escapes else "") + self.next()
            words.add_literal(piece)
        else:
            piece = self.next()
            words.add(piece)
        result.append(piece)

    def _heredoc_mark(self) -> str:
        start = self.at
        self.at += 2
        while self.peek() in ("-", " ", "\t") and (self.peek() != "-" or self.at == start + 2):
            self.at += 1
        return self.text[start : self.at]

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise _Broken("the closing single quote is missing")
        inner = self.text[self.at + 1 : end]
        self.at = end + 1
        return f"'{inner}'" if self.rules.keep_quotes else inner

    def _double(self) -> str:
        self.next()
        shown = '"' if self.rules.keep_quotes else ""
        result = [shown]
        while character := self.peek():
            if character == '"':
                self.next()
                return "".join([*result, shown])
            if character == "$":
                result.append(self._dollar())
            else:
                result.append(self._within_double(self.next()))
        raise _Broken("the closing double quote is missing")

    def _within_double(self, character: str) -> str:
        if character != self.rules.escape:
            return character
        kept = character if self.keep_escapes else ""
        if self.peek() in ('"', "$", self.rules.escape):
            return kept + self.next()
        # In front of anything else the escape character is an ordinary one; at the end it is dropped.
        return kept + (character if self.peek() else "")

    def _dollar(self) -> str:
        self.next()
        if self.peek() == "{":
            return self._braces()
        name = self._name()
        if not name:
            return "$"
        value = self._lookup(name)
        if value is None:
            return f"${name}" if self.rules.keep_unset else ""
        return value

    def _name(self) -> str:
        start = self.at
        first = self.peek()
        if first.isdecimal():
            while self.peek().isdecimal():
                self.next()
        elif first and first in _SPECIAL_PARAMETERS:
            self.next()
        else:
            while (character := self.peek()) and (character.isalnum() or character == "_"):
                self.next()
        return self.text[start : self.at]

    def _lookup(self, name: str) -> str | None:
        value = self.variables.get(name)
        (self.missing if value is None else self.used).add(name)
        return value

    def _braces(self) -> str:
        self.next()
        if self.peek() in ("{", "}", ":"):
            raise _Broken("bad substitution")
        name = self._name()
        operator = self.next()
        if operator == "}":
            value = self._lookup(name)
            if value is None:
                return f"${{{name}}}" if self.rules.keep_unset else ""
            return value
        colon = ""
        if operator == ":":
            colon, operator = operator, self.next()
        if not operator:
            raise _Broken("a closing } is missing")
        if operator == "/" and not colon:
            return self._replace(name)
        if operator not in "+-?#%":
            raise _Broken(f"unsupported modifier {colon}{operator} in ${{{name}}}")
        word, _ = self.until("}", operator in "#%")
        return self._modified(name, colon, operator, word)

    def _modified(self, name: str, colon: str, operator: str, word: str) -> str:
        value = self._lookup(name)
        if value is None and self.rules.keep_unset:
            return f"${{{name}{colon}{operator}{word}}}"
        usable = value is not None and not (colon and not value)
        if operator == "-":
            return value if value is not None and usable else word
        if operator == "+":
            return word if usable else ""
        if operator == "?":
            if value is None or not usable:
                state = "unset" if value is None else "empty"
                raise _Broken(f"{name}: {word or f'is not allowed to be {state}'}")
            return value
        longest = word.startswith(operator)
        pattern = _pattern(word[1:] if longest else word)
        if operator == "#":
            return pattern.without_prefix(value or "", longest=longest)
        return pattern.without_suffix(value or "", longest=longest)

    def _replace(self, name: str) -> str:
        everywhere = self.peek() == "/"
        if everywhere:
            self.next()
        pattern, _ = self.until("/", True)
        replacement, _ = self.until("}", True)
        value = self._lookup(name)
        if value is None and self.rules.keep_unset:
            return f"${{{name}/{'/' if everywhere else ''}{pattern}/{replacement}}}"
        return _pattern(pattern).replaced(value or "", replacement, everywhere=everywhere)


def _pattern(text: str) -> Pattern:
    try:
        return Pattern.parse(text)
    except PatternError as error:
        raise _Broken(f"invalid pattern {text!r}: {error}") from None
