"""What the checks work with: a small image made here, and an executor that was entered."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci_builder.executors.chroot import ChrootExecutor
from ci_builder.executors.in_place import InPlaceExecutor
from ci_builder.executors.interface import Executor, Process, Workspace
from ci_builder.executors.namespace import NamespaceExecutor
from ci_builder.executors.none import NoneExecutor
from ci_builder.executors.ptrace import PtraceExecutor
from ci_builder.oci import media_types
from ci_builder.oci.config import History
from ci_builder.oci.descriptor import Descriptor
from ci_builder.oci.digest import Digest
from ci_builder.oci.image import Image, scratch
from ci_builder.oci.layer import Layer
from ci_builder.oci.platform import Platform
from ci_builder.progress import Event, Notice

PATH = "/bin:/sbin:/usr/bin"
_APPLETS = (
    "sh cat ls id ln mkdir rm rmdir mv cp chmod chown touch mknod sleep stat echo env hostname "
    "mkfifo readlink ps true false setsid grep kill tr find dd wc mount umount ip ifconfig su head test sort"
).split()


def busybox_layer(busybox: bytes) -> Layer:
    """A root file system with a shell, accounts, a few files and a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in ("bin", "etc", "tmp", "data", "data/sub", "data/deep", "opt"):
            _add(tar, name, tarfile.DIRTYPE, mode=0o1777 if name == "tmp" else 0o755)
        _add(tar, "bin/busybox", tarfile.REGTYPE, busybox, 0o755)
        for applet in _APPLETS:
            _add(tar, f"bin/{applet}", tarfile.SYMTYPE, link="busybox")
        _add(tar, "etc/passwd", tarfile.REGTYPE, b"root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/:/bin/sh\n")
        _add(tar, "etc/group", tarfile.REGTYPE, b"root:x:0:\nu:x:1000:\nx:x:2000:u\n")
        for name in ("data/one", "data/two", "data/three", "data/sub/leaf", "data/deep/er"):
            _add(tar, name, tarfile.REGTYPE, name.encode())
        _add(tar, "data/owned", tarfile.REGTYPE, b"x", 0o640, owner=(1000, 2000))
        _add(tar, "data/suid", tarfile.REGTYPE, b"x", 0o4755)
        _add(tar, "data/link", tarfile.SYMTYPE, link="sub")
    data = buffer.getvalue()
    digest = Digest.of(data)
    return Layer(
        Descriptor(media_types.OCI_LAYER_TAR, digest, len(data)),
        digest,
        lambda: io.BytesIO(data),
    )


def _add(
    tar: tarfile.TarFile,
    name: str,
    kind: bytes,
    data: bytes = b"",
    mode: int = 0o644,
    link: str = "",
    owner: tuple[int, int] = (0, 0),
) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, len(data)
    info.uid, info.gid = owner
    info.mtime = 1_600_000_000
    tar.addfile(info, io.BytesIO(data))


@dataclass
class World:
    """An entered executor and the image to use it with."""

    executor: Executor
    state: Path
    image: Image
    notices: list[str]

    @property
    def blobs(self) -> Path:
        """A folder for layers."""
        folder = self.state / "blobs"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def single_id(self) -> bool:
        """Whether commands can have no other id than root's."""
        return isinstance(self.executor, NamespaceExecutor) and self.executor.ids == "single"

    @contextlib.contextmanager
    def open(self, image: Image | None = None, *, writable: bool = True) -> Iterator[Workspace]:
        """A workspace for a while."""
        workspace = self.executor.workspace(image or self.image, writable=writable)
        try:
            yield workspace
        finally:
            workspace.close()


def make_world(name: str, state: Path, busybox: Path, extra: Sequence[str] = ()) -> World:
    """An executor of this name, not entered yet."""
    notices: list[str] = []

    def progress(event: Event, /) -> None:
        if isinstance(event, Notice):
            notices.append(event.text)

    makers: dict[str, Callable[[], Executor]] = {
        "none": lambda: NoneExecutor(state, progress),
        "namespace": lambda: NamespaceExecutor(state, progress),
        "in-place": lambda: InPlaceExecutor(state, progress, disposable=True),
        "ptrace": lambda: PtraceExecutor(state, progress),
        "chroot": lambda: ChrootExecutor(state, progress),
    }
    layer = busybox_layer(busybox.read_bytes())
    image = scratch(Platform("linux", "amd64")).append(layer, History())
    return World(makers[name](), state, image, notices)


def shell(workspace: Workspace, script: str, **more: object) -> tuple[int, str]:
    """Run a script with the image's shell: exit code and what it printed."""
    collected: list[bytes] = []
    values: dict[str, object] = {"env": (("PATH", PATH),), **more}
    process = Process(("/bin/sh", "-c", script), **values)  # type: ignore[arg-type]
    code = workspace.run(process, collected.append)
    return code, b"".join(collected).decode("utf-8", "replace")


def described(workspace: Workspace) -> list[str]:
    """The changes, one ``kind path`` each."""
    return [f"{item.kind} {os.fsdecode(item.path)}" for item in workspace.changes()]
