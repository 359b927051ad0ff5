"""How registries are reached, outputs with ``registry.insecure=true`` included."""

from __future__ import annotations

import csv

from ci_builder.errors import UsageError
from ci_builder.oci.reference import Reference
from ci_builder.outputs.attributes import Attributes
from ci_builder.request import RegistryOptions, Request
from ci_builder.values import replace

INSECURE = "registry.insecure"


def options_for(request: Request) -> RegistryOptions:
    """How registries are reached: as the Request says, less secure for the names of outputs with
    ``registry.insecure=true``. Raises UsageError, InvalidValue."""
    hosts: list[str] = []
    for spec in request.outputs:
        attributes = Attributes(spec)
        if attributes.flag(INSECURE, default=False):
            hosts += [Reference.parse(name).registry for name in (*request.tags, *names_of(attributes))]
    more = tuple(dict.fromkeys(hosts))
    own = request.registry
    return replace(own, insecure=(*own.insecure, *more), skip_tls_verify=(*own.skip_tls_verify, *more))


def names_of(attributes: Attributes) -> list[str]:
    """``name=``: one, or several as CSV. Raises UsageError."""
    text = attributes.text("name")
    try:
        return [name.strip() for name in next(csv.reader([text]), []) if name.strip()]
    except csv.Error as error:
        raise UsageError(f"output: name={text!r}: {error}") from error
