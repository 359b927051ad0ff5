""".dockerignore."""

from __future__ import annotations

from tests.conformance.case import Case

_FILES = {
    "a.txt": "a",
    "b.md": "b",
    "README.md": "r",
    "sub/a.txt": "sa",
    "sub/c.log": "sl",
    "sub/deep/d.log": "dl",
    "sub/deep/keep.log": "k",
    "node_modules/x/y.js": "y",
    ".git/HEAD": "h",
}


def _case(name: str, ignore: str) -> Case:
    return Case(
        name=f"dockerignore-{name}",
        dockerfile="""\
FROM busybox
COPY . /all/
""",
        context=_FILES | {".dockerignore": ignore},
    )


CASES = (
    _case("name", "a.txt\n"),
    _case("name-anywhere", "**/a.txt\n"),
    _case("folder", "sub\n"),
    _case("folder-with-slashes", "/sub/\n"),
    _case("star", "*.md\n*/*.log\n"),
    _case("double-star", "**/*.log\n"),
    _case("exception", "*.md\n!README.md\n"),
    _case("exception-below-an-ignored-folder", "sub\n!sub/deep/keep.log\n"),
    _case("last-match-wins", "!b.md\n*.md\n!README.md\nREADME.md\n"),
    _case("everything-but", "*\n!sub/a.txt\n"),
    _case("comments-and-blanks", "# a.txt\n\n  b.md  \n"),
    _case("dots", "./a.txt\nsub/../b.md\n"),
    _case("itself-and-the-dockerfile", ".dockerignore\nDockerfile\n"),
    _case("question-mark-and-class", "?.txt\n[bB].md\n"),
    _case("star-in-the-middle", "sub/*/d.log\n.git\nnode_*\n"),
    Case(
        name="dockerignore-exception-and-wildcard",
        dockerfile="""\
FROM busybox
COPY sub/* /x/
COPY sub/d*/*.log /y/
""",
        context=_FILES | {".dockerignore": "*\n!sub/*.txt\n!sub/deep/k*\n"},
    ),
    Case(
        name="dockerignore-makes-a-source-missing",
        dockerfile="""\
FROM busybox
COPY a.txt /x
""",
        context=_FILES | {".dockerignore": "*.txt\n"},
        fails="a.txt",
    ),
    Case(
        name="dockerignore-beside-another-dockerfile",
        dockerfile="FROM busybox\n",
        context=_FILES
        | {
            "other.Dockerfile": "FROM busybox\nCOPY . /all/\n",
            ".dockerignore": "*.md\n",
            "other.Dockerfile.dockerignore": "*.txt\n",
        },
        options=("--file={context}/other.Dockerfile",),
    ),
    Case(
        name="copy-of-an-ignored-folders-kept-file",
        dockerfile="""\
FROM busybox
COPY sub/deep /deep
""",
        context=_FILES | {".dockerignore": "sub\n!sub/deep/keep.log\n"},
    ),
)
