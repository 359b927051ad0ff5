"""``--output``: what each attribute does, and that none is taken and forgotten."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ci_builder import options
from ci_builder.errors import Unsupported, UsageError
from ci_builder.oci.platform import Platform
from ci_builder.oci.reference import Reference
from ci_builder.outputs.archive import ArchiveOutput, ArchiveStreamOutput, LayoutOutput
from ci_builder.outputs.choose import Places, Wanted, choose_outputs
from ci_builder.outputs.files import FolderOutput, TarOutput, TarStreamOutput
from ci_builder.outputs.form import Form
from ci_builder.outputs.insecure import options_for
from ci_builder.outputs.push import PushOutput
from ci_builder.outputs.store import StoreOutput
from ci_builder.outputs.types import is_standard_output
from ci_builder.request import Annotation, RegistryOptions, Request
from ci_builder.rootfs.compress import Compression
from tests.registry.images import connect

AMD64 = Platform("linux", "amd64")


class _Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    with connect(tmp_path) as registry:
        yield Places(registry, tmp_path / "store", io.BytesIO())


def _chosen(places: Places, *texts: str, **request: object) -> tuple[Wanted, ...]:
    asked = Request(outputs=tuple(options.output(text) for text in texts))
    return choose_outputs(replace(asked, **request), AMD64, places)  # type: ignore[arg-type]


def _form(places: Places, text: str, **request: object) -> Form:
    (wanted,) = _chosen(places, text, **request)
    assert wanted.form is not None
    return wanted.form


def test_types(places: Places) -> None:
    found = _chosen(
        places,
        "type=image",
        "type=image,name=r.io/a,push=true",
        "type=registry,name=r.io/b",
        "type=oci,dest=a.tar",
        "type=oci,dest=a,tar=false",
        "type=docker,dest=d.tar",
        "type=local,dest=out",
        "out",
        "type=tar,dest=t.tar",
        "-",
    )
    assert [item.output for item in found] == [
        StoreOutput(places.store),
        PushOutput(places.registry),
        PushOutput(places.registry),
        ArchiveOutput(Path("a.tar"), docker=False),
        LayoutOutput(Path("a")),
        ArchiveOutput(Path("d.tar"), docker=True),
        FolderOutput(Path("out")),
        FolderOutput(Path("out")),
        TarOutput(Path("t.tar")),
        TarStreamOutput(places.stdout),
    ]
    assert [item.form for item in found] == [Form()] * 6 + [None] * 4


def test_nothing_asked_for_is_the_store(places: Places) -> None:
    assert _chosen(places) == (Wanted(StoreOutput(places.store), (), "", Form()),)


def test_push_makes_the_first_image_one_that_pushes(places: Places) -> None:
    found = _chosen(places, "type=oci,dest=a.tar", "type=image,compression=zstd", push=True, tags=("r.io/a",))
    assert found[1].output == PushOutput(places.registry)
    assert found[1].form == Form(Compression("zstd"))
    added = _chosen(places, "type=oci,dest=a.tar", push=True, tags=("r.io/a",))
    assert [type(item.output) for item in added] == [ArchiveOutput, PushOutput]
    kept = _chosen(places, "type=registry,name=r.io/b", "type=image", push=True, tags=("r.io/a",))
    assert [type(item.output) for item in kept] == [PushOutput, StoreOutput]
    with pytest.raises(UsageError, match="--push contradicts"):
        _chosen(places, "type=image,push=false", push=True, tags=("r.io/a",))


def test_names(places: Places) -> None:
    found = _chosen(
        places, 'type=image,"name=r.io/a,r.io/b:2"', "type=oci,dest=x", "type=local,dest=y", tags=("c",)
    )
    assert found[0].references == tuple(Reference.parse(text) for text in ("c", "r.io/a", "r.io/b:2"))
    assert found[1].references == (Reference.parse("c"),)
    assert found[2].references == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("compression=uncompressed", Form(Compression("none"))),
        ("compression=none", Form(Compression("none"))),
        ("compression=gzip", Form(Compression("gzip"))),
        ("compression=ZSTD,compression-level=19", Form(Compression("zstd", 19))),
        ("compression-level=9", Form(Compression("gzip", 9))),
        ("force-compression=true", Form(force=True)),
        ("oci-mediatypes=true", Form(family="oci")),
        ("oci-mediatypes=false", Form(family="docker")),
        ("rewrite-timestamp=true", Form(rewrite=True)),
        ("annotation.A=b", Form(annotations=(("A", "b"),))),
        ("annotation-manifest.a.b=c=d", Form(annotations=(("a.b", "c=d"),))),
        ("annotation[linux/amd64].a=b", Form(annotations=(("a", "b"),))),
        ("annotation-manifest[linux/amd64].a=b", Form(annotations=(("a", "b"),))),
        ("annotation-manifest-descriptor.a=b", Form(descriptor_annotations=(("a", "b"),))),
        ("unpack=false", Form()),
    ],
)
def test_forms(places: Places, text: str, expected: Form) -> None:
    assert _form(places, f"type=oci,dest=x,{text}") == expected
    assert _form(places, f"type=image,{text}") == expected


def test_an_own_annotation_wins_over_the_common_one(places: Places) -> None:
    common = (Annotation("a", "1"), Annotation("b", "2"), Annotation("c", "3", "manifest-descriptor"))
    form = _form(places, "type=oci,dest=x,annotation.a=own", annotations=common)
    assert form.annotations == (("a", "own"), ("b", "2"))
    assert form.descriptor_annotations == (("c", "3"),)


def test_targets_and_more_of_each_type(places: Places) -> None:
    found = _chosen(places, "type=local,dest=x,target=a,platform-split=true", "type=oci,dest=y,target=b")
    assert [item.target for item in found] == ["a", "b"]
    assert found[0].output == FolderOutput(Path("x/linux_amd64"))
    (emptied,) = _chosen(places, "type=local,dest=x,mode=delete")
    assert emptied.output == FolderOutput(Path("x"), delete=True)
    (stream,) = _chosen(places, "type=docker,dest=-")
    assert stream.output == ArchiveStreamOutput(places.stdout, docker=True)
    (pushed,) = _chosen(places, "type=registry,name=r.io/a,push-by-digest=true")
    assert pushed.output == PushOutput(places.registry, by_digest=True)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("type=ocii,dest=x", "unknown output type 'ocii'", "did you mean oci"),
        ("type=oci,dest=x,compresion=gzip", "no attribute 'compresion'", "did you mean compression"),
        ("type=oci,dest=x,zzz=1", "no attribute 'zzz'", "there are: annotation.KEY, compression"),
        ("type=local,dest=x,compression=gzip", "no attribute 'compression'", "mode, platform-split"),
        ("type=local,dest=x,unpack=false", "no attribute 'unpack'", ""),
        ("type=local,dest=x,name=y", "no attribute 'name'", ""),
        ("type=tar,dest=x,mode=copy", "no attribute 'mode'", ""),
        ("type=oci,dest=x,push=true", "no attribute 'push'", ""),
        ("type=image,tar=false", "no attribute 'tar'", ""),
        ("type=oci,dest=x,compression=lz4", "no compression 'lz4'", "gzip, zstd"),
        ("type=oci,dest=x,compression-level=10", "gzip has the levels 0 to 9, not 10", ""),
        ("type=oci,dest=x,compression=zstd,compression-level=23", "levels 1 to 22, not 23", ""),
        ("type=oci,dest=x,compression=zstd,compression-level=fast", "is a number, not 'fast'", ""),
        ("type=oci,dest=x,compression=uncompressed,compression-level=1", "not compressed has no", ""),
        ("type=oci,dest=x,force-compression=maybe", "force-compression is true or false", ""),
        ("type=oci,dest=x,oci-mediatypes=maybe", "oci-mediatypes is true or false", ""),
        ("type=oci,dest=x,oci-mediatypes=false,compression=zstd", "compression=zstd needs OCI", ""),
        ("type=oci,dest=x,oci-mediatypes=false,annotation.a=b", "annotations needs OCI", ""),
        ("type=oci,dest=x,annotation[linux/arm64].a=b", "for linux/arm64, and linux/amd64 is built", ""),
        ("type=oci,dest=x,annotation-thing.a=b", "no attribute 'annotation-thing.a'", "annotation-index"),
        ("type=oci,dest=x,annotation=b", "no attribute 'annotation'", "annotation.KEY"),
        ("type=image,dest=x", "there is no dest", "type=oci"),
        ("type=image,push-by-digest=true", "push-by-digest is for what is pushed", "push=true"),
        ("type=image,registry.insecure=true", "registry.insecure is for what is pushed", ""),
        ("type=registry,name=r.io/a:1,push-by-digest=true", "pushes no tag, but there is r.io/a:1", ""),
        ("type=oci,tar=false", "needs dest=FOLDER", ""),
        ("type=local", "needs dest=FOLDER", ""),
        ("type=local,dest=x,mode=move", "no mode 'move'", ""),
    ],
)
def test_wrong_outputs(places: Places, text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        _chosen(places, text)
    assert not isinstance(caught.value, Unsupported)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "type=oci,dest=x,compression=estargz",
        "type=oci,dest=x,annotation-index.a=b",
        "type=oci,dest=x,annotation-index-descriptor.a=b",
        "type=registry,name=r.io/a,annotation-manifest-descriptor.a=b",
        "type=image,unpack=true",
        "type=image,store=true",
        "type=image,store=false",
        "type=image,oci-artifact=true",
        "type=image,name-canonical=true",
        "type=image,dangling-name-prefix=x",
        "type=docker",
        "type=docker,dest=x,tar=false",
        "type=tar,dest=x,platform-split=true",
    ],
)
def test_what_is_understood_and_not_done(places: Places, text: str) -> None:
    with pytest.raises(Unsupported) as caught:
        _chosen(places, text)
    assert caught.value.hint


def test_annotations_that_nobody_keeps(places: Places) -> None:
    descriptor = (Annotation("a", "b", "manifest-descriptor"),)
    with pytest.raises(Unsupported, match="nothing pushes one"):
        _chosen(places, "type=registry,name=r.io/a", annotations=descriptor)
    assert len(_chosen(places, "type=registry,name=r.io/a", "type=oci,dest=x", annotations=descriptor)) == 2
    with pytest.raises(UsageError, match="no output writes one"):
        _chosen(places, "type=local,dest=x", annotations=(Annotation("a", "b"),))
    with pytest.raises(Unsupported, match="an image for one platform has no index"):
        _chosen(places, "type=oci,dest=x", annotations=(Annotation("a", "b", "index"),))


def test_one_name_is_one_image(places: Places) -> None:
    with pytest.raises(UsageError, match=r"different images as docker\.io/library/a:latest"):
        _chosen(places, "type=registry", "type=registry,compression=zstd", tags=("a",))
    with pytest.raises(UsageError, match="different images"):
        _chosen(places, "type=registry,target=x", "type=registry", tags=("a",))
    both = _chosen(places, "type=registry,name=a:1", "type=registry,name=a:2,compression=zstd")
    assert len(both) == 2


def test_one_standard_output(places: Places) -> None:
    with pytest.raises(UsageError, match="two outputs cannot both be standard output"):
        _chosen(places, "-", "type=oci")
    with pytest.raises(UsageError, match="refusing to write a tar to a terminal"):
        _chosen(replace(places, stdout=_Terminal()), "type=oci")
    texts = ("-", "type=oci", "type=tar,dest=-", "type=docker,dest=-")
    assert all(is_standard_output(options.output(text)) for text in texts)
    texts = ("type=oci,tar=false,dest=x", "type=oci,dest=x", "type=image", "type=local,dest=x")
    assert not any(is_standard_output(options.output(text)) for text in texts)


def test_insecure_registries() -> None:
    texts = ("type=registry,name=r.io/a,registry.insecure=true", "type=registry,name=s.io/a")
    own = RegistryOptions(insecure=("u.io",))
    request = Request(outputs=tuple(options.output(text) for text in texts), tags=("t.io/a",), registry=own)
    found = options_for(request)
    assert found == RegistryOptions(insecure=("u.io", "t.io", "r.io"), skip_tls_verify=("t.io", "r.io"))
    assert options_for(replace(request, outputs=())) == own


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("type=tar,dest=x.tar", "type=oci,dest=./x.tar"),
        ("type=tar,dest=x.tar", "type=tar,dest=x.tar"),
        ("type=oci,dest=x", "type=local,dest=x"),
        ("type=oci,tar=false,dest=x", "type=local,dest=x"),
        ("type=oci,tar=false,dest=x", "type=docker,dest=y/../x"),
    ],
)
def test_no_output_is_written_over_another(places: Places, one: str, other: str) -> None:
    with pytest.raises(UsageError, match="two outputs cannot both be written to"):
        _chosen(places, one, other)
    with pytest.raises(UsageError, match="two outputs cannot both be written to"):
        _chosen(places, other, one)
