"""Which credential answers for which registry, for people: never the secret."""

from __future__ import annotations

from ci_builder.cli.diagnosis.report import Answering
from ci_builder.cli.masking import Secrets
from ci_builder.registry.credential_programs import CredentialProgram
from ci_builder.registry.credentials import GIVEN, Credentials, Provider

_HELPER = "docker-credential-"


def answering(known: Credentials, job: str, secrets: Secrets) -> tuple[Answering, ...]:
    """Every credential of ``known`` in the order of the look-up. ``job`` is how those of the request are
    called; ``secrets`` are hidden in user names and sources."""
    seen: dict[str, str] = {}
    found = []
    for provider in known.providers():
        source = secrets.hide(job if provider.source == GIVEN else provider.source)
        remark = f"not used: {seen[provider.registry]} answers" if provider.registry in seen else ""
        seen.setdefault(provider.registry, source)
        found.append(_one(provider, source, remark or _missing(provider, known), secrets))
    return tuple(found)


def _one(provider: Provider, source: str, remark: str, secrets: Secrets) -> Answering:
    if provider.how.startswith(_HELPER):
        return Answering(provider.registry, source, "helper", helper=provider.how, remark=remark)
    kind = "password" if provider.how.startswith("password") else provider.how
    return Answering(provider.registry, source, kind, secrets.hide(provider.user), remark=remark)


def _missing(provider: Provider, known: Credentials) -> str:
    if not provider.how.startswith(_HELPER):
        return ""
    program = CredentialProgram(provider.how.removeprefix(_HELPER), known.environment)
    return "" if program.installed else f"{provider.how} is not installed"
