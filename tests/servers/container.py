"""What a container engine gives a container's root, for the tests that make one with Debian's own tools."""

from __future__ import annotations

_CAPABILITIES = (
    *("chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"),
    *("net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"),
)
RIGHTS = (
    f"setpriv --bounding-set=-all,{','.join(f'+{name}' for name in _CAPABILITIES)} "
    "--inh-caps=-all --ambient-caps=-all"
)
"""Starts a program with docker's default capabilities and no others."""

DEVICES = """
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir -m 1777 "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
"""
"""Lines of a shell in namespaces of its own that fill ``$root/proc`` and ``$root/dev``."""
