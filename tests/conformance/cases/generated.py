"""Words and .dockerignore files out of a random generator, the same in every run: many forms in few builds.

What is generated is within what docker 20.10 knows; the newer forms are in tests/golden/words.
"""

from __future__ import annotations

from random import Random

from ci_builder.context import ignore
from ci_builder.dockerfile.words import expand
from ci_builder.errors import ContextError, InvalidValue
from tests.conformance.case import Case

_VARIABLES = {"set": "value", "empty": "", "path": "a/b.tar.gz", "two": "x y"}
_NAMES = ("set", "empty", "path", "two", "unset", "1", "@")
_PLAIN = ("a", "B", "0", "-", "_", ".", "/", ":", "+", "=", "é", "#", "%", "{", "}", "*", "?")
_ESCAPED = ("\\$", "\\\\", "\\'", '\\"', "\\a", "\\ ", "\\}")
_LABELS = 60


def _word(random: Random, depth: int = 2) -> str:
    pieces = []
    for _ in range(random.randint(1, 4)):
        kind = random.randrange(7 if depth else 4)
        if kind < 2:
            pieces.append(random.choice(_PLAIN))
        elif kind == 2:
            pieces.append(random.choice(_ESCAPED))
        elif kind == 3:
            pieces.append("$" + random.choice(_NAMES))
        elif kind == 4:
            pieces.append(f'"{_word(random, 0)}"')
        elif kind == 5:
            pieces.append("'" + random.choice(("$set", "a b", "\\", "${set", '"')) + "'")
        else:
            name, operator = random.choice(_NAMES[:-2]), random.choice((":-", ":+", ""))
            pieces.append(f"${{{name}{operator}{_word(random, depth - 1) if operator else ''}}}")
    return "".join(pieces)


def _can_be_expanded(word: str) -> bool:
    try:
        expand(word, _VARIABLES)
    except InvalidValue:
        return False
    return True


def _words(seed: int) -> Case:
    random = Random(seed)
    words: list[str] = []
    while len(words) < _LABELS:
        word = _word(random)
        if _can_be_expanded(word) and not word.endswith("\\"):
            words.append(word)
    env = " ".join(f'{name}="{value}"' for name, value in _VARIABLES.items())
    labels = "".join(f"LABEL l{number:02}={word}\n" for number, word in enumerate(words))
    return Case(name=f"generated-words-{seed}", dockerfile=f"FROM busybox\nENV {env}\n{labels}")


_TREE = {
    path: path
    for path in (
        *("a", "b.txt", "ab.log", ".hidden", "c/a", "c/b.txt", "c/d/a", "c/d/b.log", "c/d/e/a"),
        *("d/a", "d/c/a", "d/c/b.txt", "e.d/a", "e.d/x-y"),
    )
}
_NAMES_IN_TREE = ("a", "b.txt", "c", "d", "e", "x-y", "..", ".", "e.d", "\\.hidden")
_PARTS = (*_NAMES_IN_TREE, "*", "**", "?", "*.txt", "[a-c]*", "[^a]", "\\*")


def _pattern(random: Random) -> str:
    body = "/".join(random.choice(_PARTS) for _ in range(random.choice((1, 1, 2, 2, 3))))
    return random.choice(("", "", "", "/", "./")) + body + random.choice(("", "", "/", " "))


def _ignore(seed: int) -> Case:
    random = Random(seed)
    while True:
        patterns = [_pattern(random) for _ in range(random.randint(1, 4))]
        # Exceptions come last and name files: docker 20.10 sends an empty folder for one that no file is
        # taken back into, and looks for none with wildcards in ignored folders; newer versions do as we do.
        patterns += ["!" + random.choice(list(_TREE)) for _ in range(random.randint(0, 2))]
        text = "\n".join(patterns) + "\n"
        try:
            ignore.parse(text)
        except ContextError:
            continue
        dockerfile = "FROM busybox\nCOPY . /all/\n"
        return Case(
            name=f"generated-dockerignore-{seed}",
            dockerfile=dockerfile,
            context=_TREE | {".dockerignore": text},
        )


CASES = (*(_words(seed) for seed in range(3)), *(_ignore(seed) for seed in range(14)))
