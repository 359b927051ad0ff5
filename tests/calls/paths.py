"""Every call that takes a path, and the paths that it is tried with."""

from __future__ import annotations

_EVERY = """
null
bad
""
"."
".."
"/"
"//data//file"
"file"
"./folder/../file"
"folder/inner"
"../data/file"
"../../../data/file"
"../links/file"
"/data/file"
edge:"/data/file"
"/data/file/"
"/data/file/."
"/data/file/.."
"/data/file/below"
"/data/folder"
"/data/folder/"
"/data/folder/."
"/data/folder/.."
"/data/folder/deep/"
"/data/secret"
"/data/group"
"/data/others"
"/data/none"
"/data/closed/file"
"/data/search/file"
"/data/search"
"/data/list/file"
"/data/sticky/of-root"
"/data/sticky/of-user"
"/data/team"
"/data/fifo"
"/data/other"
"/data/marked"
"/home/own"
"/home/read-only"
"/home/closed/file"
"/not-there"
"/not-there/"
"/not-there/below"
"/home/new"
"/home/new/"
"/links/file"
"/links/absolute"
"/links/chain"
"/links/above"
"/links/dots"
"/links/folder"
"/links/folder/"
"/links/folder/inner"
"/links/folder/../file"
"/links/dangling"
"/links/dangling/"
"/links/loop"
"/links/loop/below"
"/links/ping"
"/links/slash/data/file"
"/links/slash"
"/proc/self/root/data/file"
"/proc/self/cwd/file"
"/proc/self/fd/$d/file"
2000*"./"
2048*"./"
255*"n"
256*"n"
5000*"n"
"""
PATHS = tuple(_EVERY.split("\n")[1:-1])

# It may be missing, as in older kernels: programs then use openat.
_OPENAT2 = "openat2 $d {} longs:how 24 -> f # or -1 ENOSYS; close $f # or -1 EBADF"
READING = {
    "open": "open {} O_RDONLY|O_NONBLOCK -> f; close $f",
    "open to write": "open {} O_WRONLY|O_NONBLOCK -> f; close $f",
    "open O_PATH": "open {} O_PATH -> f; fstat $f out.stat; close $f",
    "open O_PATH|O_NOFOLLOW": "open {} O_PATH|O_NOFOLLOW -> f; fstat $f out.stat; close $f",
    "open O_NOFOLLOW": "open {} O_RDONLY|O_NONBLOCK|O_NOFOLLOW -> f; close $f",
    "open O_DIRECTORY": "open {} O_RDONLY|O_DIRECTORY -> f; close $f",
    "openat": "openat $d {} O_RDWR|O_NONBLOCK -> f; fstat $f out.stat; close $f",
    "openat2": _OPENAT2.replace("how", "O_RDONLY|O_NONBLOCK,0,0"),
    "openat2 RESOLVE_BENEATH": _OPENAT2.replace("how", "O_PATH,0,RESOLVE_BENEATH"),
    "openat2 RESOLVE_IN_ROOT": _OPENAT2.replace("how", "O_PATH,0,RESOLVE_IN_ROOT"),
    "openat2 RESOLVE_NO_SYMLINKS": _OPENAT2.replace("how", "O_PATH,0,RESOLVE_NO_SYMLINKS"),
    "openat2 RESOLVE_NO_MAGICLINKS": _OPENAT2.replace("how", "O_PATH,0,RESOLVE_NO_MAGICLINKS"),
    "stat": "stat {} out.stat",
    "lstat": "lstat {} out.stat",
    "newfstatat": "newfstatat $d {} out.stat 0",
    "newfstatat AT_SYMLINK_NOFOLLOW": "newfstatat $d {} out.stat AT_SYMLINK_NOFOLLOW",
    "newfstatat AT_EMPTY_PATH": "newfstatat $d {} out.stat AT_EMPTY_PATH",
    "statx": "statx $d {} 0 STATX_BASIC_STATS out.statx",
    "statx AT_SYMLINK_NOFOLLOW": "statx $d {} AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH STATX_ALL out.statx",
    "access": "access {} F_OK; access {} R_OK; access {} W_OK; access {} X_OK",
    "faccessat": "faccessat $d {} R_OK|W_OK",
    "faccessat2": "faccessat2 $d {} R_OK AT_EACCESS; faccessat2 $d {} X_OK AT_SYMLINK_NOFOLLOW",
    "readlink": "readlink {} out.bytes 100",
    "readlinkat": "readlinkat $d {} out.bytes 5",
    "statfs": "statfs {} out.statfs",
    "getxattr": 'getxattr {} "user.colour" out.bytes 100',
    "lgetxattr": 'lgetxattr {} "user.colour" out.bytes 100',
    "listxattr": "listxattr {} out.names 100",
    "llistxattr": "llistxattr {} out.names 100",
    "inotify_add_watch": "inotify_init1 0 -> n; inotify_add_watch $n {} IN_CREATE; close $n",
    "name_to_handle_at": "name_to_handle_at $d {} ints:128,0 out.none 0 # or -1 ENOTSUP",
    "chdir": "fork; chdir {}; ?getcwd out.text 4096; end",
    "chroot": 'fork; chroot {}; stat "/inner" out.stat; stat "file" out.stat; ?getcwd out.text 4096; end',
    "connect": "socket AF_UNIX SOCK_STREAM 0 -> s; connect $s address:{} len; close $s",
    "sendto": 'socket AF_UNIX SOCK_DGRAM 0 -> s; sendto $s "x" len 0 address:{} len; close $s',
    "execve": 'fork; execve {} argv:"show" envp:; end',
    "execveat": 'fork; execveat $d {} argv:"show" envp: AT_SYMLINK_NOFOLLOW; end',
    "mount": 'mount {} "/work" null MS_BIND null # or -1 EPERM',
    "umount2": "umount2 {} MNT_DETACH # or -1 EPERM",
    "pivot_root": 'pivot_root "." {}',
    "swapon": "swapon {} 0",
    "acct": "acct {}",
    "open_tree": "open_tree $d {} 0 # or -1 ENOSYS",
}
WRITING = {
    "open O_CREAT": "open {} O_RDWR|O_CREAT|O_NONBLOCK 0640 -> f; fstat $f out.stat; close $f",
    "open O_CREAT|O_EXCL": "open {} O_RDWR|O_CREAT|O_EXCL 0640 -> f; close $f",
    "open O_CREAT|O_NOFOLLOW": "open {} O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK 0640 -> f; close $f",
    "open O_TRUNC": "open {} O_WRONLY|O_TRUNC|O_NONBLOCK -> f; close $f",
    "open O_APPEND": 'open {} O_WRONLY|O_APPEND|O_NONBLOCK -> f; write $f "more" len; close $f',
    "open O_TMPFILE": "open {} O_RDWR|O_TMPFILE 0600 -> f; fstat $f out.stat; close $f",
    "creat": "fork; creat {} 0600 -> f; close $f; end",
    "chmod": "chmod {} 01754",
    "fchmodat": "fchmodat $d {} 0705",
    "fchmodat2": "fchmodat2 $d {} 0700 AT_SYMLINK_NOFOLLOW # or -1 ENOSYS",
    "chown": "chown {} 1000 7",
    "lchown": "lchown {} 1000 2000",
    "fchownat": "fchownat $d {} -1 2000 0",
    "fchownat AT_SYMLINK_NOFOLLOW": "fchownat $d {} 5 -1 AT_SYMLINK_NOFOLLOW",
    "fchownat AT_EMPTY_PATH": "fchownat $d {} 5 6 AT_EMPTY_PATH",
    "truncate": "truncate {} 3",
    "utime": "utime {} longs:1111,2222",
    "utimes": "utimes {} longs:1111,5,2222,6",
    "futimesat": "futimesat $d {} longs:1111,7,2222,8",
    "utimensat": "utimensat $d {} longs:1111,9,2222,10 0",
    "utimensat AT_SYMLINK_NOFOLLOW": "utimensat $d {} longs:1111,9,2222,10 AT_SYMLINK_NOFOLLOW",
    "utimensat now": "utimensat $d {} null 0",
    "setxattr": 'setxattr {} "user.taste" "sweet" len 0',
    "lsetxattr": 'lsetxattr {} "user.taste" "sour" len 0',
    "removexattr": 'removexattr {} "user.colour"',
    "lremovexattr": 'lremovexattr {} "user.colour"',
    "mkdir": "mkdir {} 0750",
    "mkdirat": "mkdirat $d {} 02777",
    "mknod a file": "mknod {} S_IFREG|0664 0",
    "mknod a fifo": "mknod {} S_IFIFO|0664 0",
    "mknodat a device": "mknodat $d {} S_IFCHR|0660 0x103",
    "bind": "socket AF_UNIX SOCK_STREAM 0 -> s; bind $s address:{} len; close $s",
    "rmdir": "rmdir {}",
    "unlink": "unlink {}",
    "unlinkat": "unlinkat $d {} 0",
    "unlinkat AT_REMOVEDIR": "unlinkat $d {} AT_REMOVEDIR",
    "symlink at": 'symlink "target" {}',
    "symlinkat to": "symlinkat {} $w {name}",
    "link from": "link {} {new}",
    "link to": 'link "/home/own" {}',
    "linkat from": "linkat $d {} $w {name} AT_SYMLINK_FOLLOW",
    "linkat AT_EMPTY_PATH": "linkat $d {} $w {name} AT_EMPTY_PATH",
    "linkat to": 'linkat $w "../data/one" $d {} 0',
    "rename from": "rename {} {new}",
    "rename a folder to": "mkdir {new} 0755; rename {new} {}",
    "rename a file to": "mknod {new} S_IFREG|0644 0; rename {new} {}",
    "renameat from": "renameat $d {} $w {name}",
    "renameat2 RENAME_NOREPLACE from": "renameat2 $d {} $w {name} RENAME_NOREPLACE",
    "renameat2 RENAME_NOREPLACE to": 'renameat2 $w "../home/own" $d {} RENAME_NOREPLACE',
    "renameat2 RENAME_EXCHANGE": 'renameat2 $d {} AT_FDCWD "/home/own" RENAME_EXCHANGE',
}
_ADDRESS = ("connect", "sendto", "bind")
_USER = (
    "setgroups 1 ints:2000",
    "setresgid 1000 1000 1000",
    "setresuid 1000 1000 1000",
)


def script(name: str, template: str) -> str:
    """The call with every path: as a user first, then as root."""
    folders = [
        f'open "{path}" O_RDONLY|O_DIRECTORY -> {slot}' for path, slot in (("/data", "d"), ("/tmp", "w"))
    ]
    begin = ['chdir "/data"', *folders]
    user = _calls(name, template, "u")
    root = _calls(name, template, "r")
    return "\n".join([*begin, "fork", *_USER, *user, "end", *root]) + "\n"


def _calls(name: str, template: str, prefix: str) -> list[str]:
    lines: list[str] = []
    for number, path in enumerate(PATHS):
        if name in _ADDRESS and path[0] not in '"25':
            continue
        if name == "creat" and "fifo" in path:
            continue  # it would wait for a reader
        new = f"{prefix}{number}"
        for part in template.split("; "):
            filled = part.replace("{}", path.replace("$d", "3")).replace("{new}", f'"/tmp/{new}"')
            lines.append(filled.replace("{name}", f'"{new}"'))
    return lines
