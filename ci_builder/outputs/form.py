"""In which form an output wants an image: compression, media types, times, annotations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ci_builder.errors import Unsupported, UsageError
from ci_builder.oci.image import Family
from ci_builder.oci.platform import Platform
from ci_builder.options import ANNOTATED, boolean
from ci_builder.outputs.attributes import Attributes
from ci_builder.patterns import pattern
from ci_builder.request import Annotation
from ci_builder.rootfs.compress import GZIP, Compression, check
from ci_builder.values import dataclass

_COMPRESSIONS = {"uncompressed": "none", "none": "none", "gzip": "gzip", "zstd": "zstd"}
_ATTRIBUTE = pattern(r"annotation(?:-([a-z-]+))?(?:\[([^\]]*)\])?\.(.+)", re.DOTALL)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """``compression`` is that of new layers, with ``force`` of those of the base as well.

    family                  oci or docker; None: the base's, or what the rest needs
    rewrite                 no file in a new layer is newer than SOURCE_DATE_EPOCH
    annotations             of the manifest
    descriptor_annotations  of the entry that names the manifest in an index
    """

    compression: Compression = GZIP
    force: bool = False
    family: Family | None = None
    rewrite: bool = False
    annotations: Pairs = ()
    descriptor_annotations: Pairs = ()


def take_form(attributes: Attributes, asked: Sequence[Annotation], platform: Platform) -> Form:
    """Take what says something about the form; ``asked`` are the annotations of ``--annotation``.

    Raises UsageError, Unsupported.
    """
    compression = _compression(attributes)
    force = attributes.flag("force-compression", default=False)
    family = _family(attributes)
    rewrite = attributes.flag("rewrite-timestamp", default=False)
    own = [_annotation(attributes, key, value) for key, value in attributes.beginning("annotation")]
    annotations = [item for item in (*asked, *own) if _fits(item, platform)]
    for item in annotations:
        _refuse_index(item)
    form = Form(
        compression,
        force,
        family,
        rewrite,
        _of_level(annotations, "manifest"),
        _of_level(annotations, "manifest-descriptor"),
    )
    _check_family(form, attributes)
    return form


def _compression(attributes: Attributes) -> Compression:
    name = attributes.text("compression").lower() or "gzip"
    text = attributes.text("compression-level")
    if name == "estargz":
        raise Unsupported(
            f"{attributes.name}: compression=estargz is not supported in this version",
            hint="choose gzip or zstd",
        )
    if name not in _COMPRESSIONS:
        raise attributes.error(f"there is no compression {name!r}", f"there are: {', '.join(_COMPRESSIONS)}")
    if text and not text.isdecimal():
        raise attributes.error(f"compression-level is a number, not {text!r}")
    compression = Compression(_COMPRESSIONS[name], int(text) if text else None)
    try:
        check(compression)
    except UsageError as error:
        raise attributes.error(str(error)) from error
    return compression


def _family(attributes: Attributes) -> Family | None:
    text = attributes.text("oci-mediatypes")
    if not text:
        return None
    return "oci" if boolean(text, f"{attributes.name}: oci-mediatypes") else "docker"


def _annotation(attributes: Attributes, key: str, value: str) -> Annotation:
    found = _ATTRIBUTE.fullmatch(key)
    if found is None or (found[1] or "manifest") not in ANNOTATED:
        known = ", ".join(f"annotation-{level}.KEY" for level in ANNOTATED)
        raise attributes.error(f"there is no attribute {key!r}", f"there are: annotation.KEY, {known}")
    return Annotation(found[3], value, found[1] or "manifest", found[2] or "")


def _fits(annotation: Annotation, platform: Platform) -> bool:
    """Whether it is for this build. Raises UsageError: nothing else is built that it could be for."""
    if annotation.platform and Platform.parse(annotation.platform) != platform:
        raise UsageError(
            f"the annotation {annotation.key} is for {annotation.platform}, and {platform} is built"
        )
    return True


def _refuse_index(annotation: Annotation) -> None:
    if annotation.level.startswith("index"):
        raise Unsupported(
            f"the annotation {annotation.key} is for the {annotation.level}: an image for one platform has "
            "no index",
            hint=f"annotate its manifest: {annotation.level.replace('index', 'manifest')}:KEY=VALUE",
        )


def _of_level(annotations: Sequence[Annotation], level: str) -> Pairs:
    # The last one of a key wins, as in a manifest there is only one.
    return tuple({item.key: item.value for item in annotations if item.level == level}.items())


def _check_family(form: Form, attributes: Attributes) -> None:
    if form.family != "docker":
        return
    needs = "compression=zstd" if form.compression.name == "zstd" else ""
    needs = needs or ("annotations" if form.annotations else "")
    if needs:
        raise attributes.error(f"{needs} needs OCI media types", "remove oci-mediatypes=false")
