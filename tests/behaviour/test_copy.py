"""COPY: what is taken, where it goes and whose it is there, on every executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.behaviour.workbench import ALL, File, Image, Refusal, Refuse, Workbench, agree, folder, plain
from tests.conformance.case import Case, Content, Folder, Hard, Symlink
from tests.conformance.case import File as Given

pytestmark = pytest.mark.root

_ONLY_ONE = "requires at least two arguments, but only one was provided. Destination could not be determined"
_CONTEXT: Mapping[str, Content] = {
    "a": Given("a", 0o640, (1234, 1234)),
    "b.txt": "b",
    "dir": Folder(0o750),
    "dir/one": "one",
    "dir/hard": Hard("dir/one"),
    "dir/link": Symlink("one"),
    "dir/sub": Folder(0o775),
    "dir/sub/two": Given("two", 0o4755),
    "dir/sub/three": "three",
    "with space": "s",
    "star-1": "1",
    "star-2": "2",
    "star-10": "10",
    "alias": Symlink("dir"),
    "drop.log": "x",
    "keep.log": "k",
    ".dockerignore": "*.log\n!keep.log\n",
}


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(
        name="copy",
        dockerfile="""\
FROM busybox AS other
COPY --chown=1000:50 --chmod=4750 a /stage/owned
COPY dir /stage/dir/
RUN ln -s owned /stage/link && echo ran > /stage/ran && chown 12 /stage/ran && mkfifo -m 600 /stage/pipe
FROM busybox
COPY <<passwd <<"group" /etc/
root:x:0:0::/root:/bin/sh
app:x:77:78::${missing:-/}:/bin/sh
passwd
root:x:0:
apps:x:79:$
group
RUN rm -r /tmp && mkdir /real && ln -s /real /link && mkdir -m 2775 /s && chown 0:50 /s && touch /real/there
WORKDIR /work
ENV source=a target=/variable
COPY a /parents/of/
COPY a b.txt several/
COPY a ./renamed
COPY ${source} ${target}/
COPY dir /folder
COPY dir/ alias/sub /folder/below/
COPY ["with space", "/json dest/"]
COPY star-? /wild/
COPY *.log /wild/
COPY alias/one ../../../b.txt /ways/
COPY alias /alias
COPY --chown=app:apps --chmod=u=rwX,go=X dir /named
COPY --chown=app a /by-user
COPY --chown=1000 a /by-number
COPY --chown=3:apps --chmod=0600 a /mixed
COPY --from=other /stage /from-stage
COPY --from=0 --chown=3:4 /stage/owned /from-number
COPY --from=busybox /etc/motd /etc/passwd /from-image/
COPY --parents dir/sub/two ./dir/./sub/t* /with-parents/
COPY --exclude=one --exclude=**/t* --exclude=!**/two dir /without
COPY --link --chown=5:6 a /linked/deep/a
COPY a /link/into
COPY dir/one /link/there
COPY a /s/new/
COPY b.txt /etc/motd
USER app
COPY b.txt /as-root
COPY <<late /
$source
late
""",
        context=_CONTEXT,
    )


_A = plain("a", 0o640)


def test_files(image: Image) -> None:
    """Modes are the context's, owners root's; folders that are missing are made 0755 and root's."""
    assert image.files["parents"] == image.files["parents/of"] == folder()
    for path in ("parents/of/a", "work/several/a", "work/renamed", "variable/a"):
        assert image.files[path] == _A
    assert image.files["work/several/b.txt"] == plain("b")


def test_a_folder_gives_its_content(image: Image) -> None:
    assert image.layer_of("COPY dir /folder #") == {
        "folder": folder(),
        "folder/hard": plain("one"),
        "folder/one": File("link", 0o644, content="folder/hard"),
        "folder/link": File("symlink", 0o777, content="one"),
        "folder/sub": folder(0o775),
        "folder/sub/two": plain("two", 0o4755),
        "folder/sub/three": plain("three"),
    }
    assert {"folder/below/one", "folder/below/two", "folder/below/sub/two"} <= image.files.keys()


def test_names(image: Image) -> None:
    assert image.files["json dest/with space"] == plain("s")
    found = {path for path in image.files if path.startswith("wild/")}
    assert found == {"wild/star-1", "wild/star-2", "wild/keep.log"}


def test_links_and_dots_of_the_source(image: Image) -> None:
    """A link is followed, also as the source itself; nothing is above the context's root."""
    assert image.files["ways/one"] == plain("one")
    assert image.files["ways/b.txt"] == plain("b")
    assert image.files["alias"] == folder()
    assert image.files["alias/one"].content in ("one", "alias/hard")


def test_owners_and_modes(image: Image) -> None:
    assert image.files["named"] == folder(0o755, 77, 79)
    assert image.files["named/sub"] == folder(0o711, 77, 79)
    assert image.files["named/sub/two"] == plain("two", 0o711, 77, 79)
    assert image.files["named/sub/three"] == plain("three", 0o600, 77, 79)
    assert (image.files["named/link"].uid, image.files["named/link"].gid) == (77, 79)
    assert image.files["by-user"] == plain("a", 0o640, 77, 78)
    assert image.files["by-number"] == plain("a", 0o640, 1000, 1000)
    assert image.files["mixed"] == plain("a", 0o600, 3, 79)


def test_from_a_stage(image: Image) -> None:
    assert image.files["from-stage"] == folder()
    assert image.files["from-stage/owned"] == plain("a", 0o4750, 1000, 50)
    assert image.files["from-stage/dir/sub/two"] == plain("two", 0o4755)
    assert image.files["from-number"] == plain("a", 0o4750, 3, 4)


def test_from_what_commands_made_in_a_stage(ran: Image) -> None:
    assert ran.files["from-stage/ran"] == plain("ran\n", uid=12)
    assert ran.files["from-stage/link"] == File("symlink", 0o777, content="owned")
    assert ran.files["from-stage/pipe"] == File("fifo", 0o600)


def test_from_another_image(image: Image) -> None:
    assert image.files["from-image/motd"] == plain("from the base\n")
    assert "worker:" in image.read("from-image/passwd")


def test_parents_and_excludes(image: Image) -> None:
    layer = image.layer_of("COPY --parents")
    assert {path for path, file in layer.items() if file.kind == "file"} == {
        "with-parents/dir/sub/two",
        "with-parents/sub/two",
        "with-parents/sub/three",
    }
    assert layer["with-parents/dir"] == folder(0o750)
    assert layer["with-parents"] == folder()
    assert {path for path in image.files if path.startswith("without/")} == {
        "without/hard",
        "without/link",
        "without/sub",
        "without/sub/two",
    }


def test_link_is_a_layer_of_its_own(image: Image) -> None:
    assert image.layer_of("COPY --chown=5:6 a /linked") == {
        "linked": folder(uid=5, gid=6),
        "linked/deep": folder(uid=5, gid=6),
        "linked/deep/a": plain("a", 0o640, 5, 6),
    }


def test_heredocs(image: Image) -> None:
    """The name of a quoted one is a name all the same; nothing in it is expanded."""
    assert image.read("etc/passwd").endswith("app:x:77:78::/:/bin/sh\n")
    assert image.read("etc/group") == "root:x:0:\napps:x:79:$\n"
    assert image.layer_of("COPY <<passwd") == {
        "etc": folder(),
        "etc/passwd": image.files["etc/passwd"],
        "etc/group": plain(image.read("etc/group")),
    }


def test_the_destination_in_the_image(ran: Image) -> None:
    assert set(ran.layer_of("COPY a /link/into")) == {"real", "real/into"}
    assert ran.files["real/there"] == plain("one")
    assert ran.files["s/new"] == folder(0o2755, 0, 50)
    assert ran.files["s/new/a"] == plain("a", 0o640)


def test_what_is_there_is_replaced(image: Image) -> None:
    assert image.files["etc/motd"] == plain("b")


def test_the_user_does_not_matter(image: Image) -> None:
    assert image.files["as-root"] == plain("b")
    assert image.layer_of("COPY <<late") == {"late": plain("a\n")}


def test_the_history(image: Image) -> None:
    said = [line for line, layered in image.said("COPY") if layered]
    assert len(said) == len(image.said("COPY")) == 28
    for line in (
        "COPY <<passwd <<group /etc/",
        "COPY a /variable/",
        "COPY dir/ alias/sub /folder/below/",
        "COPY with space /json dest/",
        "COPY --chown=app:apps --chmod=u=rwX,go=X dir /named",
        "COPY /stage /from-stage",
        "COPY --parents dir/sub/two ./dir/./sub/t* /with-parents/",
        "COPY dir /without",
        "COPY --chown=5:6 a /linked/deep/a",
    ):
        assert f"{line} # buildkit" in said


@pytest.mark.parametrize("executor", ALL)
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("COPY missing /a", "missing"),
        ("COPY --chown=nobodyhere a /a", "nobodyhere"),
    ],
)
def test_what_is_not_there(workbench: Workbench, executor: str, line: str, said: str) -> None:
    text = f"FROM busybox\nRUN true\n{line}\n"
    built = workbench.build(
        executor, Case(name="gone", dockerfile=text.replace("RUN true\n", "ENV a=b\n"), context={"a": "a"})
    )
    assert built.code == 1
    assert "error: Dockerfile:3: " in built.text
    assert said in built.text


def test_every_executor_makes_the_same(images: Callable[[str], Image]) -> None:
    agree(images)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("COPY", "COPY requires at least two arguments", ""),
        ("COPY a", f"COPY {_ONLY_ONE}", ""),
        (
            "COPY a b /c",
            "COPY of more than one source needs a directory as its destination",
            "end it with a slash: /c/",
        ),
        ("COPY $missing /a", "a source of COPY is empty after expansion", ""),
        ('COPY ["a", 1]', "when using JSON array syntax, arrays must be comprised of strings only", ""),
        ('COPY ["a"]', f"COPY {_ONLY_ONE}", ""),
        (
            "COPY https://example.com/a /a",
            "the source https://example.com/a can't be a URL for COPY",
            "ADD downloads",
        ),
        (
            "COPY --chmod=888 a /a",
            "invalid --chmod '888'",
            "write octal permissions from 0 to 7777, or symbolic ones such as u=rwX,go=rX",
        ),
        (
            "COPY --link --chown=app a /a",
            "--link cannot look the name 'app' of --chown up: its layer does not know the image",
            "write --chown with numbers, or leave --link out",
        ),
        (
            "COPY --link=maybe a /a",
            "the flag --link of COPY is true or false, not 'maybe'",
            "write --link alone, or --link=false",
        ),
        (
            "COPY --exclude=[a a /a",
            "--exclude: invalid pattern '[a': a character class [...] is not closed",
            "",
        ),
        (
            "COPY --from=$x a /a",
            "variable expansion is not supported for --from",
            "define a new stage with FROM using ARG from global scope as a workaround",
        ),
        ("COPY --from=7 a /a", "invalid stage index 7: there is 1 stage", ""),
        ("COPY --from= a /a", "COPY --from= is empty", ""),
        ("COPY --checksum=x a /a", "unknown flag --checksum for COPY", ""),
        ("COPY --parent a /a", "unknown flag --parent for COPY", "did you mean --parents?"),
        ("COPY --chown a /a", "the flag --chown of COPY needs a value", "write --chown=value"),
        ("COPY --chown=1 --chown=2 a /a", "the flag --chown of COPY is given twice", ""),
        ("COPY a <<EOF\nEOF", "COPY cannot accept a heredoc as a destination", ""),
        (
            "COPY <<../a /a\n../a",
            "'../a' cannot be the name of a file",
            "the name of the heredoc names the file",
        ),
    ],
)
def test_bad_forms(refuse: Refuse, line: str, message: str, hint: str) -> None:
    assert refuse(f"FROM scratch\n{line}\n") == Refusal(2, message, hint)
