"""What is timed, and in which root file systems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.programs.bases import base
from tests.servers.bases import Recipe, debian

MORE = 3
"""How many times as many rounds there are of a short workload, where the machine's whims weigh more."""
_INSTALLED = "python3 git libwww-perl libxml-parser-perl libdbi-perl"
_PACKAGES = Recipe(
    "packages",
    commands=(
        "chroot $1 apt-get install --yes --no-install-recommends --download-only"
        f" -o APT::Keep-Downloaded-Packages=true {_INSTALLED}",
        "mkdir $1/packages && mv $1/var/cache/apt/archives/*.deb $1/packages/",
    ),
)
# Forced, since Python's smallest package would have to be configured before others are unpacked.
_INSTALL = "dpkg --force-unsafe-io --force-depends --install /packages/*.deb"
_MANY = """
import io, tarfile
with tarfile.open("/srv/many.tar", "w") as tar:
    for number in range(10000):
        entry = tarfile.TarInfo(f"many/{number // 100}/{number}")
        entry.size = number % 2000
        tar.addfile(entry, io.BytesIO(b"x" * entry.size))
"""
_SOURCES = """
mkdir /srv/sources && cd /srv/sources
for number in $(seq 1 48); do
    printf '#include <stdio.h>\\n' > $number.c
    printf 'int f%s(FILE *file) { return fprintf(file, "%%d", %s); }\\n' $number $number >> $number.c
done
printf 'all.a: $(patsubst %%.c,%%.o,$(wildcard *.c))\\n\\t$(AR) rc $@ $^\\n' > Makefile
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """``script`` is timed. ``before`` is run before each round and ``once`` before the first, both untimed.
    ``image`` is its root file system; ``fresh``: a new one for each round. ``short``: there are MORE times as
    many rounds. ``bar`` is what issue 3 asks of the executor ptrace: at most so many times the floor."""

    name: str
    title: str
    image: str
    script: str
    once: str = ""
    before: str = ""
    fresh: bool = False
    short: bool = False
    bar: float | None = None


WORKLOADS = (
    Workload(
        "install",
        "package install (dpkg: python3, git, perl modules)",
        "packages",
        _INSTALL,
        fresh=True,
        bar=2.5,
    ),
    Workload(
        "forks",
        "1000 forks (a shell's loop around /bin/true)",
        "tools",
        "i=0; while [ $i -lt 1000 ]; do /bin/true; i=$((i+1)); done",
        short=True,
        bar=1.6,
    ),
    Workload(
        "find",
        "find /usr, 5 times",
        "tools",
        "for i in 1 2 3 4 5; do find /usr >/dev/null; done",
        short=True,
        bar=8.0,
    ),
    Workload(
        "make",
        "C build (make, 48 files)",
        "tools",
        "make -s -C /srv/sources",
        once=_SOURCES,
        before="rm -f /srv/sources/*.[oa]",
    ),
    Workload(
        "untar",
        "untar of 10,000 files",
        "tools",
        "tar -C /srv -xf /srv/many.tar",
        once=f"python3 - <<'END'{_MANY}END\n",
        before="rm -rf /srv/many",
    ),
    Workload(
        "python",
        "Python's start, 20 times",
        "tools",
        "for i in $(seq 20); do python3 -c 'import json, subprocess'; done",
    ),
    Workload("nothing", "a command that does nothing", "tools", ":", short=True),
)


def layout(image: str) -> Path:
    """The OCI layout of an image of this name, made now if it is not kept."""
    return (debian(_PACKAGES) if image == _PACKAGES.name else base(image)).layout
