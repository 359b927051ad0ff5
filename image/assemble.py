"""Put the builder image's files together: ``assemble.py PACKAGES IMAGE``, run by image/Dockerfile.

PACKAGES holds the dependencies and ci_builder. IMAGE/ci-builder gets an interpreter whose loader, C library,
standard library and packages all lie below /ci-builder, and a shell; the rest of IMAGE is what programs
expect to find at / before a build replaces it.
"""

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

PRIVATE = Path("/ci-builder")
LIBRARIES = PRIVATE / "python" / "lib"

# Of the standard library: tests, other user interfaces, tools for developers, what Python itself deprecated.
LEFT_OUT = frozenset(
    """__pycache__ test tests idlelib lib2to3 tkinter turtledemo turtle.py ensurepip venv pydoc_data pydoc.py
    distutils site-packages dist-packages sitecustomize.py curses sqlite3 dbm xmlrpc wsgiref doctest.py pdb.py
    imaplib.py nntplib.py smtpd.py smtplib.py ftplib.py poplib.py telnetlib.py mailbox.py mailcap.py
    antigravity.py this.py webbrowser.py cgi.py cgitb.py aifc.py sunau.py wave.py sndhdr.py chunk.py
    profile.py cProfile.py pstats.py trace.py tabnanny.py unittest EXTERNALLY-MANAGED LICENSE.txt""".split()
)
EXTENSIONS_LEFT_OUT = re.compile(
    r"(_test|_xx|xx|_ctypes_test|_curses|_dbm|_gdbm|_sqlite3|_tkinter|nis|ossaudiodev|readline|audioop|_crypt"
    r"|_codecs_(cn|hk|jp|kr|tw|iso2022)|_multibytecodec)"
)
# Loaded by name at run time, so that nothing says that they are needed; newer C libraries have them inside.
BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1")
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
TMP = 0o1777


def main(packages: Path, image: Path) -> None:
    """Make the whole tree."""
    inside = image / PRIVATE.relative_to("/")
    python = copy_interpreter(inside / "python")
    shutil.copytree(packages, inside / "packages", symlinks=True, ignore=unwanted)
    programs = [python, *sorted(inside.rglob("*.so*"))]
    own_libraries = copy_libraries(programs, image / LIBRARIES.relative_to("/"))
    relocate(python, programs, own_libraries)
    compile_all(inside)
    copy_shell(image, inside)
    copy_rest(image, inside)
    report(image)


def copy_interpreter(target: Path) -> Path:
    """The interpreter and its standard library. Returns the interpreter's path."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = target / "bin" / version
    python.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(sys.executable), python)
    (python.parent / "python3").symlink_to(version)
    shutil.copytree(sysconfig.get_path("stdlib"), target / "lib" / version, ignore=unwanted)
    return python


def unwanted(folder: str, names: list[str]) -> set[str]:
    """What of a folder is not copied."""
    top = Path(folder) == Path(sysconfig.get_path("stdlib"))
    extensions = Path(folder).name == "lib-dynload"
    return {
        name
        for name in names
        if name == "__pycache__"
        or (top and (name in LEFT_OUT or name.startswith("config-")))
        or name in ("tests", "bin")
        or name.startswith("_cffi.")
        or (extensions and EXTENSIONS_LEFT_OUT.match(name))
    }


def copy_libraries(programs: Iterable[Path], target: Path) -> list[Path]:
    """The loader and every library that ``programs`` load, flat in ``target``. Returns the copies."""
    found: dict[str, str] = {}
    for program in programs:
        for name, path in loaded(program):
            found.setdefault(name, path)
    folders = sorted({os.path.dirname(os.path.realpath(path)) for path in found.values()})
    for name in BY_NAME:
        for folder in folders:
            if os.path.exists(os.path.join(folder, name)):
                found.setdefault(name, os.path.join(folder, name))
    copies = []
    for name, path in sorted(found.items()):
        if not Path(path).is_relative_to(target.parents[2]):
            copies.append(target / name)
            shutil.copy(os.path.realpath(path), target / name)
    return copies


def loaded(program: Path) -> Iterator[tuple[str, str]]:
    """Names and paths of what the loader would load for ``program``, the loader itself included."""
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    for line in said.splitlines():
        match = re.match(r"\s*(?:(\S+) => )?(/\S+) \(0x", line)
        if match:
            yield os.path.basename(match[1] or match[2]), match[2]


def relocate(python: Path, programs: Iterable[Path], libraries: Iterable[Path]) -> None:
    """Make everything load from LIBRARIES only."""
    loader = ""
    for path in (*programs, *libraries):
        path.chmod(0o755)
        if path.name.startswith("ld-"):
            # The loader relocates itself; patching it breaks it.
            loader = path.name
            continue
        subprocess.run(["strip", "--strip-unneeded", str(path)], check=True)
        if path.name != "libc.so.6":
            run_patchelf("--force-rpath", "--set-rpath", str(LIBRARIES), str(path))
    if not loader:
        raise SystemExit("assemble.py: there is no loader among the libraries")
    run_patchelf("--set-interpreter", str(LIBRARIES / loader), str(python))


def run_patchelf(*words: str) -> None:
    """Run patchelf."""
    subprocess.run(["patchelf", *words], check=True)


def compile_all(folder: Path) -> None:
    """Bytecode that does not depend on time stamps, so that the image is the same whenever it is made."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    parent = os.path.dirname(str(folder))
    if not compileall.compile_dir(folder, quiet=1, force=True, stripdir=parent, invalidation_mode=mode):
        raise SystemExit("assemble.py: not everything compiles")


def copy_shell(image: Path, inside: Path) -> None:
    """busybox below /ci-builder/bin, first in PATH, and links to it where a shell is expected."""
    folder = inside / "bin"
    folder.mkdir()
    busybox = folder / "busybox"
    shutil.copy(shutil.which("busybox") or "/bin/busybox", busybox)
    listed = subprocess.run([str(busybox), "--list"], capture_output=True, text=True, check=True).stdout
    for name in listed.split():
        if name != "busybox":
            (folder / name).symlink_to("busybox")
    for name in ("bin/sh", "bin/cat", "bin/sleep", "usr/bin/env", "busybox/sh"):
        link = image / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(PRIVATE / "bin" / "busybox")


def copy_rest(image: Path, inside: Path) -> None:
    """The command line, certificates, accounts, temporary folders, the marker of the executor in-place."""
    source = Path(__file__).parent
    command = inside / "bin" / "ci-builder"
    shutil.copy(source / "launch.py", command)
    command.chmod(0o755)
    shutil.copy(source / "LICENSE", inside / "LICENSE")
    (image / "kaniko").mkdir()
    (image / "kaniko" / "executor").symlink_to(PRIVATE / "bin" / "ci-builder")
    # Jobs written for kaniko put their config.json there.
    (image / "kaniko" / ".docker").symlink_to(PRIVATE / "docker")
    # The one that is used while / is the image's own, and the one that is left when it is not any more.
    bundle = image / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True)
    for target in (bundle, inside / "packages" / "certifi" / "cacert.pem"):
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", target)
    for name, text in ACCOUNTS.items():
        (image / "etc" / name).write_text(text)
    # A job's user may be anyone, and is alone in its container.
    for folder in (image / "tmp", inside / "tmp", inside / "home", inside / "docker"):
        folder.mkdir()
        folder.chmod(TMP)
    (image / "root").mkdir(mode=0o700)
    (inside / ".image").write_text("This container's / may be replaced by a build.\n")


def report(image: Path) -> None:
    """Say how large it became."""
    size = sum(path.lstat().st_size for path in image.rglob("*") if not path.is_dir())
    print(f"{size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
