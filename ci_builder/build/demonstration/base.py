"""A base image of one layer: a shell, what it needs, and the accounts of root and one user."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ci_builder.build.demonstration.libraries import needed_files
from ci_builder.errors import OutputError
from ci_builder.layout.writer import write_image
from ci_builder.oci.config import History, RunConfig
from ci_builder.oci.image import scratch
from ci_builder.oci.platform import Platform
from ci_builder.rootfs.blob import write_layer
from ci_builder.rootfs.changes import Change
from ci_builder.rootfs.ownership import RecordedOwnership
from ci_builder.rootfs.tree import Tree

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nhello:x:1000:1000::/home/hello:/bin/sh\n",
    "etc/group": "root:x:0:\nhello:x:1000:\n",
}
# The same files give the same image, whenever it is made.
_TIME_NS = 0


def make_base(layout: Path, name: str, platform: Platform, temporary: Path) -> list[Path]:
    """Put the image, called ``name``, into the OCI layout ``layout``. Returns the files of this machine that
    are in it. Raises CiBuilderError, OutputError."""
    shell = Path("/bin/sh")
    try:
        files = [shell, *needed_files(shell.resolve(strict=True))]
        with tempfile.TemporaryDirectory(prefix="ci-builder-base-", dir=temporary) as folder:
            root = Path(folder, "root")
            _fill(root, files)
            ownership = RecordedOwnership(os.geteuid(), os.getegid())
            changes = list(_owned_by_root(root, ownership))
            layer = write_layer(changes, Tree(str(root), ownership), Path(folder))
            image = scratch(platform).append(layer, History(created_by="the shell of this machine"))
            run = RunConfig(env=(("PATH", _PATH),), cmd=("/bin/sh",))
            write_image(layout, image.with_config(image.config.with_run(run)), [(name, "")])
    except OSError as error:
        raise OutputError(
            f"the base image cannot be made: {error.filename or ''}: {error.strerror}"
        ) from error
    return files


def _fill(root: Path, files: list[Path]) -> None:
    for path in files:
        target = root / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)
    for name, text in _ACCOUNTS.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(0o644)
    (root / "tmp").mkdir()


def _owned_by_root(root: Path, ownership: RecordedOwnership) -> Iterator[Change]:
    """Every path below ``root``, recorded as root's whoever makes it."""
    for folder, names, files in os.walk(root, topdown=False):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in (*names, *files):
                path = Path(folder, name)
                mode = 0o1777 if path == root / "tmp" else _mode(path)
                os.utime(path, ns=(_TIME_NS, _TIME_NS))
                ownership.chown(descriptor, os.fsencode(name), 0, 0, mode)
                yield Change(os.fsencode(path.relative_to(root)), "present")
        finally:
            os.close(descriptor)


def _mode(path: Path) -> int:
    status = path.lstat()
    return 0o755 if stat.S_ISDIR(status.st_mode) else stat.S_IMODE(status.st_mode)
