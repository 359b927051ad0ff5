"""Every error that ci_builder raises on purpose, as one tree.

    CiBuilderError                      exit_code, hint
    ├── UsageError                      a flag, an option or a setting is wrong (exit 2)
    │   └── Unsupported                 understood, but not supported: never ignored
    ├── InvalidValue (also ValueError)  text that is no reference, digest, platform …
    ├── DockerfileError                 file, lines and an excerpt
    ├── ContextError                    the build context: missing source, unreadable, outside
    ├── CredentialError                 config.json or a credential helper
    ├── RegistryError                   method, url, status, code, temporary
    │   ├── RegistryUnreachable         no connection, TLS, time-out
    │   ├── AuthenticationFailed        401, 403
    │   └── ImageNotFound               404 for a manifest
    ├── ImageError                      a manifest, config or layer that breaks the specification
    │   ├── DigestMismatch              content that is not what its digest says
    │   └── UnsafeLayer                 a layer that tries to write outside the root
    ├── ExecutorError                   the surroundings do not permit it
    │   ├── NoExecutor                  none of those that were tried; verdicts
    │   └── OutOfTime                   a RUN command that was ended because it took too long
    ├── CommandFailed                   a RUN command: exit code, last lines, file and line
    ├── OutputError                     a result that cannot be written (disk full, no such folder)
    └── Interrupted                     SIGTERM, SIGINT (exit 128 + signal); a Stopped until the end

Foreign exceptions (requests, OSError of a known operation) are mapped to these once, where they
arise, with ``raise … from``. The command line prints ``str(error)``, then ``hint``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ci_builder.span import Source, Span

_FEW = 3  # letters that say little


class CiBuilderError(Exception):
    """Root of the tree. ``hint`` is one sentence that says what to do, or empty."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(CiBuilderError):
    """A flag, an option, a CI input or a setting is wrong."""

    exit_code = 2


class Unsupported(UsageError):
    """Understood, but this version does not do it; nothing is ever accepted and ignored."""


class InvalidValue(CiBuilderError, ValueError):
    """Text that does not parse as the value it stands for. ``kind`` names that value."""

    exit_code = 2

    def __init__(self, kind: str, text: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"invalid {kind} {text!r}: {reason}", hint=hint)
        self.kind = kind
        self.text = text
        self.reason = reason


class DockerfileError(CiBuilderError):
    """A Dockerfile that cannot be built as it is written: prints the excerpt with its lines marked."""

    def __init__(self, message: str, *, source: Source, span: Span, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.source = source
        self.span = span

    def __str__(self) -> str:
        return f"{self.span}: {self.message}\n{self.source.excerpt(self.span)}"


class UnsupportedSyntax(DockerfileError, Unsupported):
    """Valid Dockerfile syntax that this version does not support."""

    exit_code = 1


class ContextError(CiBuilderError):
    """The build context: a source that is not there, cannot be read or lies outside."""


class CredentialError(CiBuilderError):
    """A config.json or a credential helper that cannot be used. Never carries a secret."""


class RegistryError(CiBuilderError):
    """An answer of a registry that is no success.

    ``status`` is the HTTP status (0: none came), ``code`` the registry's own error code (such as
    ``DENIED``) or empty, ``temporary`` whether the same request may succeed later, ``retry_after`` the
    header of that name as it came, or empty.
    """

    retry_after = ""

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        url: str = "",
        status: int = 0,
        code: str = "",
        temporary: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.method = method
        self.url = url
        self.status = status
        self.code = code
        self.temporary = temporary

    def __str__(self) -> str:
        where = f" ({self.method} {self.url}" if self.url else ""
        what = f": HTTP {self.status}" if self.status and where else ""
        code = f" {self.code}" if self.code and where else ""
        return f"{self.message}{where}{what}{code}{')' if where else ''}"


class RegistryUnreachable(RegistryError):
    """No connection, a TLS failure or a time-out."""


class AuthenticationFailed(RegistryError):
    """The registry refused the credentials, or wants some and there are none."""


class ImageNotFound(RegistryError):
    """There is no such manifest at the registry (or none that these credentials may see)."""


class ImageError(CiBuilderError):
    """A manifest, config or layer that breaks the image specification."""


class DigestMismatch(ImageError):
    """Content that is not what its digest or diff ID says."""

    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(f"{what}: expected {expected}, got {actual}")
        self.expected = expected
        self.actual = actual


class UnsafeLayer(ImageError):
    """A layer entry that would write outside the root, or that is malformed on purpose."""


class ExecutorError(CiBuilderError):
    """The surroundings do not permit what an executor needs."""


class NoExecutor(ExecutorError):
    """None of the executors that were tried works here. ``refusals`` are (name, reason) pairs."""

    def __init__(self, message: str, refusals: Sequence[tuple[str, str]], *, hint: str = "") -> None:
        lines = "".join(f"\n  {name}: {reason}" for name, reason in refusals)
        super().__init__(message + lines, hint=hint)
        self.refusals = tuple(refusals)


class OutOfTime(ExecutorError):
    """A RUN command that took longer than it may (``--run-timeout``); it was ended with all its processes."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the command did not end within {seconds:g} s and was killed",
            hint="give commands more time with --run-timeout, or find out what this one waits for",
        )


class CommandFailed(DockerfileError):
    """A RUN command that ended with a non-zero exit code; the program exits with the same code."""

    def __init__(
        self, message: str, *, source: Source, span: Span, code: int, tail: str, hint: str = ""
    ) -> None:
        super().__init__(message, source=source, span=span, hint=hint)
        self.exit_code = code
        self.tail = tail

    def __str__(self) -> str:
        tail = f"\nits last lines:\n{self.tail}" if self.tail else "\nit printed nothing"
        return super().__str__() + tail


class OutputError(CiBuilderError):
    """A result that cannot be written: no such folder, no permission, disk full."""


class Interrupted(CiBuilderError):
    """SIGTERM or SIGINT arrived; everything was cleaned up."""

    def __init__(self, signal_number: int, name: str) -> None:
        super().__init__(f"stopped by {name}")
        self.exit_code = 128 + signal_number


class Stopped(BaseException):
    """A signal on its way through what was begun. It is none of the tree: who catches one of those may go on
    (without a cache, with the next place), and nobody goes on now. ``error`` is what is told at the end."""

    def __init__(self, error: Interrupted) -> None:
        super().__init__(str(error))
        self.error = error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint at the one of ``known`` that begins with ``word`` or is most like it; empty for none."""
    from difflib import get_close_matches  # here: most words are right

    names = sorted(set(known) - {word})
    longer = [name for name in names if name.startswith(word)] if len(word) > _FEW else []
    close = longer if len(longer) == 1 else get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else ""
