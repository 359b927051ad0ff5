"""Base images made on this machine, without a registry: busybox and a minimal Debian, as OCI layouts.

They are kept in a cache folder whose name is a hash of their recipe, so that a second run is quick.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

_TOOLS = ("setfattr", "getfattr", "setcap", "getcap")
"""What busybox lacks and the tests of extended attributes need; from this machine, with its libraries."""

_PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
worker:x:1000:1000:Worker:/home/worker:/bin/sh
other:x:1001:100:Other:/home/other:/bin/sh
"""
_GROUP = """\
root:x:0:
daemon:x:1:
users:x:100:worker
staff:x:50:worker,other
worker:x:1000:
"""
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Base:
    """A base image: its name in Dockerfiles and its OCI layout (one image, tag ``latest``)."""

    name: str
    layout: Path


@dataclass(frozen=True)
class Recipe:
    """A Debian: its name in Dockerfiles, what is in it beside the minimum, and shell commands that are run
    on this machine when the packages are there, with the root as $1 and this interpreter as $PYTHON."""

    name: str
    packages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


_MINIMAL = Recipe("debian")


def cache_folder() -> Path:
    """Where bases are kept between runs."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "ci-builder-tests"


def busybox() -> Base:
    """busybox-static with a link for each applet, the tools for extended attributes, four users."""
    binary = Path("/bin/busybox")
    recipe = hashlib.sha256(Path(__file__).read_bytes() + binary.read_bytes()).hexdigest()[:16]
    layout = cache_folder() / f"busybox-{recipe}"
    if not layout.exists():
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _busybox_files(tar, binary)
        _write_layout(layout, stream.getvalue(), ["sh"])
    return Base("busybox", layout)


def debian(recipe: Recipe = _MINIMAL) -> Base:
    """Debian bookworm as mmdebstrap's minbase makes it, slim, with the stock package sources."""
    known = hashlib.sha256(Path(__file__).read_bytes() + repr(recipe).encode()).hexdigest()[:16]
    layout = cache_folder() / f"{recipe.name}-{known}"
    if not layout.exists():
        left_out = [
            f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale", "info")
        ]
        more = [f"--include={','.join(recipe.packages)}"] if recipe.packages else []
        # Debian's Java needs the folder, which slim systems leave out.
        more += ["--essential-hook=mkdir -p $1/usr/share/man/man1"] if recipe.packages else []
        more += [f"--customize-hook={command}" for command in recipe.commands]
        command = ["mmdebstrap", "--quiet", "--variant=minbase", *left_out, *more, "bookworm", "-"]
        made = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHON": sys.executable},
        )
        if made.returncode:
            raise RuntimeError(f"mmdebstrap failed:\n{made.stderr.decode(errors='replace')[-4000:]}")
        _write_layout(layout, made.stdout, ["bash"])
    return Base(recipe.name, layout)


def push(base: Base, host: str, credentials: str = "") -> str:
    """Copy ``base`` to the registry at ``host`` (``credentials`` are user:password) and return its
    reference there."""
    reference = f"{host}/base/{base.name}:latest"
    command = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false"]
    command += ["--dest-creds", credentials] if credentials else []
    subprocess.run([*command, f"oci:{base.layout}:latest", f"docker://{reference}"], check=True)
    return reference


def missing() -> str:
    """What is not installed that the bases need, in one line; empty when all is there."""
    names = [name for name in ("mmdebstrap", "skopeo", *_TOOLS) if shutil.which(name) is None]
    if not Path("/bin/busybox").exists():
        names.append("busybox-static")
    return f"not installed: {', '.join(names)}" if names else ""


def _busybox_files(tar: tarfile.TarFile, binary: Path) -> None:
    applets = subprocess.run([str(binary), "--list-full"], capture_output=True, text=True, check=True)
    folders = ["bin", "etc", "home", "home/worker", "lib", "lib64", "root", "sbin", "tmp", "usr", "usr/bin"]
    folders += ["usr/sbin", "usr/lib", "usr/local", "usr/local/bin", "var", "var/tmp", "proc", "sys", "dev"]
    modes = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}
    for folder in sorted(folders):
        owner = 1000 if folder == "home/worker" else 0
        _add(tar, folder, b"", kind=tarfile.DIRTYPE, mode=modes.get(folder, 0o755), owner=owner)
    _add(tar, "bin/busybox", binary.read_bytes(), mode=0o755)
    for applet in sorted(set(applets.stdout.split())):
        if applet not in ("bin/busybox", "linuxrc") and Path(applet).name not in _TOOLS:
            _add(tar, applet, b"", kind=tarfile.SYMTYPE, target="/bin/busybox")
    for path, source in sorted(_tools().items()):
        _add(tar, path, source.read_bytes(), mode=0o755)
    _add(tar, "etc/passwd", _PASSWD.encode())
    _add(tar, "etc/group", _GROUP.encode())
    # A file with two names and one that the tests remove or change.
    _add(tar, "usr/lib/first", b"one file, two names\n")
    _add(tar, "usr/lib/second", b"", kind=tarfile.LNKTYPE, target="usr/lib/first")
    _add(tar, "etc/motd", b"from the base\n")


def _tools() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name in _TOOLS:
        program = shutil.which(name)
        if program is None:
            raise RuntimeError(f"{name} is not installed")
        found[f"usr/bin/{name}"] = Path(program)
        for word in subprocess.run(
            ["ldd", program], capture_output=True, text=True, check=True
        ).stdout.split():
            if word.startswith("/"):
                found["lib64/" + Path(word).name if "ld-linux" in word else "lib/" + Path(word).name] = Path(
                    word
                )
    return found


def _add(
    tar: tarfile.TarFile,
    path: str,
    content: bytes,
    *,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o644,
    owner: int = 0,
    target: str = "",
) -> None:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.linkname, entry.mtime = kind, mode, target, 1_600_000_000
    entry.uid = entry.gid = owner
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _write_layout(layout: Path, layer: bytes, command: list[str]) -> None:
    layout.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=layout.parent))
    (unfinished / "blobs/sha256").mkdir(parents=True)
    diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    packed = gzip.compress(layer, 1, mtime=0)
    config = {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "created": "2020-09-13T12:26:40Z",
        "config": {"Env": [_PATH], "Cmd": command},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": "2020-09-13T12:26:40Z", "created_by": "tests/servers/bases.py"}],
    }
    kind = "application/vnd.oci.image."
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind + "manifest.v1+json",
        "config": _blob(unfinished, json.dumps(config).encode(), kind + "config.v1+json"),
        "layers": [_blob(unfinished, packed, kind + "layer.v1.tar+gzip")],
    }
    described = _blob(unfinished, json.dumps(manifest).encode(), kind + "manifest.v1+json")
    described["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (unfinished / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    (unfinished / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    unfinished.chmod(0o755)
    unfinished.rename(layout)


def _blob(layout: Path, data: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
