"""What a record holds of files whose owners, devices and attributes the kernel cannot hold."""

from __future__ import annotations

import marshal
from dataclasses import dataclass, field

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of one file; ``mode`` (with type) and ``device`` are None where the kernel's hold."""

    uid: int = 0
    gid: int = 0
    mode: int | None = None
    device: int | None = None
    xattrs: tuple[tuple[str, bytes], ...] = ()


PLAIN = Record()


@dataclass(slots=True)
class Records:
    """Records by device and inode: they survive renames and serve every hard link. A file without one is
    plain. Whoever makes a file drops or replaces the record of its inode number's earlier file."""

    by_key: dict[Key, Record] = field(default_factory=dict)

    def keep(self, key: Key, record: Record) -> None:
        """Replace what is recorded of ``key``."""
        if record == PLAIN:
            self.by_key.pop(key, None)
        else:
            self.by_key[key] = record

    def drop(self, key: Key) -> None:
        """Forget ``key``."""
        self.by_key.pop(key, None)

    def to_bytes(self) -> bytes:
        """Everything, for another process that runs the same interpreter."""
        flat = [(*key, r.uid, r.gid, r.mode, r.device, r.xattrs) for key, r in self.by_key.items()]
        return marshal.dumps(flat)

    def replace_by(self, data: bytes) -> None:
        """The inverse of ``to_bytes``, in place."""
        self.by_key.clear()
        for device, inode, uid, gid, mode, rdev, xattrs in marshal.loads(data):  # noqa: S302 our own data
            self.by_key[device, inode] = Record(uid, gid, mode, rdev, xattrs)
