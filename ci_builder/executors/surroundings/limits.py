"""How much memory, processor time and processes this job may use (cgroups(7))."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ci_builder.values import dataclass

_UNLIMITED = 1 << 60


@dataclass(frozen=True, slots=True)
class Limits:
    """``memory`` in bytes, ``cpus`` in processors, ``processes``: None where the cgroup sets no limit.
    ``machine_memory`` and ``usable_cpus`` are what there is without one."""

    memory: int | None
    cpus: float | None
    processes: int | None
    machine_memory: int
    usable_cpus: int


def limits() -> Limits:
    """Of the cgroup of this process and those above it, version 2 or 1."""
    unified = _folders("", Path("/sys/fs/cgroup"))
    memory = [*_numbers(unified, "memory.max"), *_old("memory", "memory.limit_in_bytes")]
    processes = [*_numbers(unified, "pids.max"), *_old("pids", "pids.max")]
    cpus = [part for folder in unified if (part := cpu_share(_text(folder / "cpu.max"))) is not None]
    for folder in _folders("cpu", Path("/sys/fs/cgroup/cpu")):
        both = f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}"
        part = cpu_share(both)
        cpus += [] if part is None else [part]
    return Limits(
        memory=min(memory, default=None),
        cpus=min(cpus, default=None),
        processes=min(processes, default=None),
        machine_memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        usable_cpus=len(os.sched_getaffinity(0)),
    )


def cpu_share(text: str) -> float | None:
    """``quota period`` in microseconds as a number of processors, None for no limit."""
    words = text.split()
    if len(words) != 2 or not words[0].isdigit() or not words[1].isdigit() or words[1] == "0":
        return None  # "max", -1, or no such file
    return int(words[0]) / int(words[1])


def own_group(table: str, controller: str) -> str:
    """The path of this process's cgroup in ``table`` (/proc/self/cgroup); empty ``controller``: version 2."""
    for line in table.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(",") and (controller or number == "0"):
            return path
    return "/"


def _old(controller: str, name: str) -> list[int]:
    return _numbers(_folders(controller, Path("/sys/fs/cgroup", controller)), name)


def _folders(controller: str, top: Path) -> list[Path]:
    """The cgroup's folder and those above it. In a container the path of the machine may not be there."""
    relative = own_group(_text(Path("/proc/self/cgroup")), controller).strip("/")
    parts = [part for part in relative.split("/") if part not in ("", "..")]
    return [top.joinpath(*parts[:length]) for length in range(len(parts), -1, -1)]


def _numbers(folders: list[Path], name: str) -> list[int]:
    texts = (_text(folder / name) for folder in folders)
    return [int(text) for text in texts if text.isdigit() and int(text) < _UNLIMITED]


def _text(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="ascii").strip()
    return ""
