"""RUN."""

from __future__ import annotations

from ci_builder.dockerfile.flags import Known, take_flags
from ci_builder.dockerfile.instructions.run_mount import origin_of, parse_mount
from ci_builder.dockerfile.instructions.shell_form import Command
from ci_builder.dockerfile.reader import Line
from ci_builder.errors import UnsupportedSyntax
from ci_builder.values import dataclass

_NETWORKS = ("default", "none", "host")


@dataclass(frozen=True, slots=True)
class Run:
    """``RUN [--mount=…]… [--network=default|none|host] <command>``, ``RUN [… ] ["program", "argument"]`` or
    with heredocs, which are in ``line``. ``mounts`` are the texts behind ``--mount=``; ``origins`` what their
    ``from`` say; ``network`` is empty where the line does not say."""

    line: Line
    command: Command
    network: str = ""
    mounts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    @staticmethod
    def parse(line: Line) -> Run:
        """Raises DockerfileError, UnsupportedSyntax."""
        known = Known(frozenset({"network", "security"}), lists=frozenset({"mount", "device"}))
        flags = take_flags(line, known)
        network = flags.values.get("network", "")
        if "network" in flags.values and network not in _NETWORKS:
            raise line.error(f"unknown network {network!r}", hint=f"it is one of {', '.join(_NETWORKS)}")
        _check_security(line, flags.values.get("security", "sandbox"))
        if flags.all("device"):
            raise UnsupportedSyntax(
                "RUN --device is not supported: a job has no devices to give",
                source=line.source,
                span=line.span,
            )
        mounts = flags.all("mount")
        origins = tuple(origin for text in mounts if (origin := origin_of(line, text)))
        for text in mounts:
            if "$" not in text:
                parse_mount(line, text)
        if not flags.rest:
            raise line.error("RUN requires at least one argument")
        command = Command.parse(line, flags.rest)
        if not command.words:
            raise line.error("RUN needs a program to run, [] has none")
        return Run(line, command, network, mounts, origins)


def _check_security(line: Line, security: str) -> None:
    if security == "insecure":
        raise UnsupportedSyntax(
            "RUN --security=insecure is not supported: there are no privileges to give",
            source=line.source,
            span=line.span,
        )
    if security != "sandbox":
        raise line.error(f"unknown security mode {security!r}", hint="it is sandbox or insecure")
