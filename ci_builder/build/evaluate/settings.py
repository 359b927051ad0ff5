"""What evaluation knows besides the Dockerfile: build args and platforms."""

from __future__ import annotations

from collections.abc import Mapping

from ci_builder.dockerfile.instructions.arg import Arg
from ci_builder.dockerfile.words import Rules, expand
from ci_builder.errors import InvalidValue
from ci_builder.oci.platform import Platform
from ci_builder.request import CommandOptions
from ci_builder.values import dataclass

_DEFAULT_TARGET = "default"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Settings:
    """The same for all stages of a build.

    build_args   as given by --build-arg, (name, value) pairs
    global_args  what FROM sees and what an ARG without a value takes: platform args and the ARGs above
                 the first FROM, with their values
    commands     how RUN commands run
    """

    build_args: tuple[tuple[str, str], ...] = ()
    global_args: tuple[tuple[str, str], ...] = ()
    commands: CommandOptions = CommandOptions()

    @property
    def proxies(self) -> tuple[tuple[str, str], ...]:
        """The proxy build args that RUN is given, in upper and lower case, without having been declared
        (Dockerfile reference, "Predefined ARGs"). Empty ones are left out."""
        found: dict[str, str] = {}
        for name, value in sorted(self.build_args):
            if name.upper() in PROXIES:
                found[name.upper()] = value
        both = [(case, found[name]) for name in PROXIES if found.get(name) for case in (name, name.lower())]
        return tuple(both)


def make_settings(
    declared: tuple[Arg, ...],
    build_args: tuple[tuple[str, str], ...],
    *,
    target_platform: Platform,
    build_platform: Platform,
    target: str = "",
) -> Settings:
    """``declared`` are the ARGs above the first FROM, ``target`` the name of the stage that is built.

    A build arg wins over a default; defaults see the args above them. Raises DockerfileError.
    """
    given = dict(build_args)
    found = platform_args(target_platform, build_platform, target)
    found.update({name: given[name] for name in found if name in given})
    for arg in declared:
        for name, default in arg.args:
            if name in given:
                found[name] = given[name]
            elif default is not None:
                found[name] = _default(arg, default, found)
    return Settings(build_args, tuple(found.items()))


def _default(arg: Arg, default: str, found: Mapping[str, str]) -> str:
    try:
        return expand(default, found, Rules(escape=arg.line.escape)).text
    except InvalidValue as error:
        raise arg.line.error(f"{default!r}: {error.reason}") from error


def platform_args(target: Platform, build: Platform, stage: str) -> dict[str, str]:
    """BUILDPLATFORM, TARGETARCH and so on (Dockerfile reference, "Automatic platform ARGs")."""
    args = {"TARGETSTAGE": stage or _DEFAULT_TARGET}
    for prefix, platform in (("BUILD", build), ("TARGET", target)):
        args[f"{prefix}PLATFORM"] = str(platform)
        args[f"{prefix}OS"] = platform.os
        args[f"{prefix}OSVERSION"] = ""
        args[f"{prefix}ARCH"] = platform.architecture
        args[f"{prefix}VARIANT"] = platform.variant
    return args
