"""Random sequences of file operations over few names, as lines of a script."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

BEGIN = (
    'chmod "/work" 01777',
    'chdir "/work"',
    'mkdir "d" 0777',
    'chmod "d" 0777',
    "setgroups 2 ints:2000,3000",
    "setresgid 0 1000 0",
)
"""What comes first: a folder that everyone may write to."""

_CAPABILITY = '"security.capability" "\\x01\\x00\\x00\\x02\\x00\\x04' + "\\x00" * 14 + '" len 0'
_PATH = st.sampled_from(
    [
        f'"{path}"'
        for path in (
            "a",
            "b",
            "c",
            "d",
            "d/a",
            "d/b",
            "d/e",
            "d/e/a",
            "../work/d/a",
            "/work/b",
            "d/../c",
            "d/",
        )
    ]
)
_MODE = st.sampled_from(
    ["0644", "0600", "0755", "0", "04755", "02775", "01777", "0700", "0444", "0070", "06711"]
)
_USER = st.sampled_from(["-1", "0", "1000", "1001"])
_GROUP = st.sampled_from(["-1", "0", "1000", "2000", "4000"])
_OPEN = st.sampled_from(
    (
        *("O_RDONLY", "O_WRONLY", "O_RDWR", "O_WRONLY|O_TRUNC", "O_RDWR|O_CREAT", "O_RDWR|O_CREAT|O_EXCL"),
        *("O_WRONLY|O_CREAT|O_TRUNC", "O_RDONLY|O_DIRECTORY", "O_RDONLY|O_NOFOLLOW"),
        *("O_PATH", "O_PATH|O_NOFOLLOW"),
    )
)


def _operation(form: str, **parts: SearchStrategy[str]) -> SearchStrategy[str]:
    return st.builds(form.format, **parts)


_TWO = {"one": _PATH, "two": _PATH}
_COMMON = (
    _operation(
        "open {path} {flags}|O_NONBLOCK {mode} -> f; fstat $f out.stat; close $f",
        path=_PATH,
        flags=_OPEN,
        mode=_MODE,
    ),
    _operation(
        # No setuid bits: whether a later write takes them is not for the supervisor to see.
        'open {path} O_RDWR|O_CREAT|O_NONBLOCK {mode} -> f; write $f "text" len; close $f',
        path=_PATH,
        mode=st.sampled_from(["0644", "0600", "0666", "0777"]),
    ),
    _operation(
        'open {one} O_RDWR|O_TMPFILE {mode} -> f; linkat $f "" AT_FDCWD {two} AT_EMPTY_PATH; close $f',
        **_TWO,
        mode=_MODE,
    ),
    _operation("mkdir {path} {mode}", path=_PATH, mode=_MODE),
    _operation("rmdir {path}", path=_PATH),
    _operation("unlink {path}", path=_PATH),
    _operation("rename {one} {two}", **_TWO),
    _operation("renameat2 AT_FDCWD {one} AT_FDCWD {two} RENAME_NOREPLACE", **_TWO),
    _operation("renameat2 AT_FDCWD {one} AT_FDCWD {two} RENAME_EXCHANGE", **_TWO),
    _operation("link {one} {two}", **_TWO),
    _operation("linkat AT_FDCWD {one} AT_FDCWD {two} AT_SYMLINK_FOLLOW", **_TWO),
    _operation("symlink {one} {two}", **_TWO),
    _operation("chmod {path} {mode}", path=_PATH, mode=_MODE),
    _operation("chown {path} {user} {group}", path=_PATH, user=_USER, group=_GROUP),
    _operation("lchown {path} {user} {group}", path=_PATH, user=_USER, group=_GROUP),
    _operation("mknod {path} S_IFIFO|{mode} 0", path=_PATH, mode=_MODE),
    _operation("mknod {path} S_IFREG|{mode} 0", path=_PATH, mode=_MODE),
    _operation("truncate {path} 2", path=_PATH),
    _operation("utimensat AT_FDCWD {path} longs:1,2,3,4 AT_SYMLINK_NOFOLLOW", path=_PATH),
    _operation('lsetxattr {path} "user.x" "1" len 0', path=_PATH),
    _operation("setxattr {path} {capability}", path=_PATH, capability=st.just(_CAPABILITY)),
    _operation('removexattr {path} "security.capability"', path=_PATH),
    _operation("stat {path} out.stat", path=_PATH),
    _operation("lstat {path} out.stat", path=_PATH),
    _operation("faccessat2 AT_FDCWD {path} R_OK|W_OK AT_EACCESS", path=_PATH),
    _operation("faccessat2 AT_FDCWD {path} X_OK AT_EACCESS", path=_PATH),
    _operation("names {path}", path=_PATH),
    _operation("llistxattr {path} out.names 1000", path=_PATH),
    _operation("readlink {path} out.bytes 100", path=_PATH),
    _operation(
        "chdir {path}; ?getcwd out.text 4096", path=st.sampled_from(['"/work"', '"d"', '".."', '"e"'])
    ),
    _operation("umask {mode}", mode=st.sampled_from(["0", "022", "077"])),
    _operation("setresuid -1 {user} -1", user=st.sampled_from(["0", "1000", "1001"])),
    _operation("setresuid -1 {user} -1", user=st.sampled_from(["0", "1000"])),
    _operation("setresgid -1 {group} -1", group=st.sampled_from(["0", "1000", "2000"])),
)
_DEVICES = (
    _operation("mknod {path} S_IFCHR|{mode} 0x103", path=_PATH, mode=_MODE),
    _operation("mknod {path} S_IFCHR|{mode} 0x105", path=_PATH, mode=_MODE),
)


def operations(*, devices: bool) -> SearchStrategy[list[str]]:
    """20 to 60 operations, each one or more lines that are joined by ``; ``."""
    kinds = _COMMON + (_DEVICES if devices else ())
    return st.lists(st.one_of(kinds), min_size=20, max_size=60)


def script(chosen: list[str]) -> str:
    """The operations as a script."""
    return "\n".join([*BEGIN, *(line for item in chosen for line in item.split("; "))]) + "\n"
