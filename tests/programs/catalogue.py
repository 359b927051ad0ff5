"""The programs, and what may differ between two builds of each, with the reason."""

from __future__ import annotations

from tests.programs.archive import write_archive
from tests.programs.program import Program

_LOG = "holds the times of the build"
_CACHE_OF_APT = "holds the times and inode numbers of files that were read"
_CACHE_OF_LDCONFIG = "holds the inode numbers and times of libraries"
_INDEX = "holds the times and inode numbers of the working tree"
_DUMP = "holds the time and the memory in use"

LIGHT = (
    Program(
        name="apt",
        on="debian",
        excused={
            "var/log/apt/*": _LOG,
            "var/log/dpkg.log": _LOG,
            "var/log/alternatives.log": _LOG,
            "var/cache/ldconfig/aux-cache": _CACHE_OF_LDCONFIG,
        },
        unsteady={
            r"^(Get|Hit|Ign):\d+ .*": "the order and the number of downloads",
            r"^Fetched .*": "speed",
            r"^(Local time is now|Universal Time is now): .*": "the clock of the build",
        },
    ),
    Program(
        name="users",
        on="debian",
        excused={
            "var/log/apt/*": _LOG,
            "var/log/dpkg.log": _LOG,
            "var/cache/apt/*.bin": _CACHE_OF_APT,
            "var/cache/ldconfig/aux-cache": _CACHE_OF_LDCONFIG,
            "etc/shadow": "holds a random salt",
            "etc/shadow-": "holds a random salt",
            "run/sudo/ts/*": "holds times and numbers of processes",
        },
        unsteady={
            r"^(Get|Hit|Ign):\d+ .*": "the order and the number of downloads",
            r"^Fetched .*": "speed",
        },
    ),
    Program(name="pip", on="tools"),
    Program(
        name="git",
        on="tools",
        excused={
            "srv/*/.git/index": _INDEX,
            "srv/*/.git/modules/module/index": _INDEX,
            "srv/linked/.git/worktrees/tree/index": _INDEX,
        },
    ),
    Program(name="perl", on="tools"),
    Program(name="c-project", on="tools", excused={"var/cache/ldconfig/aux-cache": _CACHE_OF_LDCONFIG}),
    Program(name="make-parallel", on="tools", unordered="commands that run at once print in any order"),
    Program(name="bash", on="debian"),
    Program(name="terminal", on="tools"),
    Program(name="sockets", on="tools"),
    Program(name="busybox", on="busybox"),
    Program(name="untar", on="tools", generate=write_archive),
    Program(
        name="redis",
        on="tools",
        excused={
            "srv/log": _LOG,
            "var/log/redis/redis-server.log": _LOG,
            "run/redis.pid": "holds the number of a process",
            "srv/dump.rdb": _DUMP,
            "tmp/dump.rdb": _DUMP,
            "var/lib/redis/dump.rdb": _DUMP,
        },
    ),
)
TOOLCHAINS = (
    Program(name="java", on="toolchains"),
    Program(name="node", on="toolchains"),
    Program(
        name="npm",
        on="toolchains",
        excused={"tmp/node-compile-cache/*/*": "code that V8 compiled, which it does another way each time"},
        unsteady={r"^(added \d+ packages in) \d+m?s": "how long it took"},
    ),
    Program(
        name="go",
        on="toolchains",
        excused={
            "root/.cache/go-build/*-a": "holds the time of the action",
            "root/.cache/go-build/trim.txt": "holds a time",
        },
    ),
    Program(
        name="cargo",
        on="rust",
        excused={"src/target/.rustc_info.json": "holds a hash of the compiler's time"},
        unsteady={r" in \d+\.\d+s$": "how long it took"},
    ),
)
PROGRAMS = (*LIGHT, *TOOLCHAINS)
