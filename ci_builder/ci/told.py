"""What a Result says, in the forms that CI systems take: buildx's metadata, names and values, a table."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable

from ci_builder.errors import CiBuilderError
from ci_builder.request import Request, Result

_MIB = 1 << 20
_CREATED = "org.opencontainers.image.created"


def metadata(result: Result) -> dict[str, object]:
    """What ``docker buildx build --metadata-file`` writes, as far as it is known here; nothing about an
    image where none was written."""
    names = {"image.name": ",".join(result.tags)} if result.tags else {}
    if not result.is_image:
        return {**names}
    created = {_CREATED: result.created} if result.created else {}
    descriptor: dict[str, object] = {
        "annotations": {"config.digest": result.image_id, **created, **dict(result.annotations)},
        "digest": result.digest,
        "mediaType": result.media_type,
    }
    if result.platform:
        descriptor["platform"] = _platform(result.platform)
    descriptor["size"] = result.manifest_size
    return {
        "containerimage.config.digest": result.image_id,
        "containerimage.descriptor": descriptor,
        "containerimage.digest": result.digest,
        **names,
    }


def _platform(text: str) -> dict[str, str]:
    system, _, rest = text.partition("/")
    architecture, _, variant = rest.partition("/")
    found = {"architecture": architecture, "os": system}
    return {**found, "variant": variant} if variant else found


def facts(result: Result) -> dict[str, str]:
    """Names and values, each of one line: image (name@digest), image_id, digest, image_tags."""
    names = result.pushed or result.tags
    return {
        "IMAGE": f"{_name(names[0])}@{result.digest}" if names else result.digest,
        "IMAGE_ID": result.image_id,
        "DIGEST": result.digest,
        "IMAGE_TAGS": ",".join(names),
    }


def assignments(result: Result) -> str:
    """``facts`` as lines ``CI_BUILDER_NAME=value``, as dotenv and Java properties files take them."""
    return "".join(f"CI_BUILDER_{name}={value}\n" for name, value in facts(result).items())


def summary(result: Result) -> str:
    """A Markdown section for the job's page: the image, and its layers with what made them."""
    names = result.pushed or result.tags
    pushed = "pushed" if result.pushed else "built"
    lines = [f"### Image {pushed} in {result.seconds:.0f} s", "", "| | |", "| --- | --- |"]
    lines += [f"| name | `{_cell(name)}` |" for name in names]
    lines += [f"| digest | `{result.digest}` |", f"| image ID | `{result.image_id}` |"]
    lines += [f"| built by | {_cell(result.executor_reason)} |"]
    lines += [f"| written to | `{_cell(path)}` |" for path in result.written]
    lines += ["", "| layer | MiB | made by |", "| --- | ---: | --- |"]
    for layer in result.layers:
        made_by = "*base*" if layer.base else f"`{_cell(layer.created_by)[:120]}`"
        lines.append(f"| `{layer.digest[:19]}` | {layer.size / _MIB:.1f} | {made_by} |")
    if result.pushed:
        lines += ["", "```", f"docker pull {facts(result)['IMAGE']}", "```"]
    return "\n".join(lines) + "\n\n"


def failure_summary(error: CiBuilderError) -> str:
    """A Markdown section for the job's page of a build that failed."""
    text = str(error).replace("```", "'''")
    hint = f"\n{error.hint}\n" if error.hint else ""
    return f"### The build failed\n\n```\n{text}\n```\n{hint}\n"


def dockerfile_path(request: Request, name: str) -> str:
    """The path in the checkout of the Dockerfile that errors and warnings call ``name``; empty if it does
    not lie there."""
    if (
        request.dockerfile == "-"
        or "://" in request.context
        or request.context.startswith(("-", "/", "git@"))
    ):
        return ""
    if request.dockerfile:
        return "" if request.dockerfile.startswith("/") else posixpath.normpath(request.dockerfile)
    return posixpath.normpath(posixpath.join(request.context, request.context_sub_path, name))


def masked(text: str, masks: Iterable[str]) -> str:
    """``text`` with every one of ``masks`` (longest first) replaced by ``***``."""
    for secret in masks:
        text = text.replace(secret, "***")
    return text


def as_json(value: object) -> str:
    """``value`` as JSON on one line."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _name(reference: str) -> str:
    head, slash, last = reference.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("`", "'").replace("|", "\\|")
