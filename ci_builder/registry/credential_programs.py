"""docker-credential-NAME: programs that keep credentials (docker/docker-credential-helpers, README)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Literal

from ci_builder.errors import CredentialError
from ci_builder.registry.keys import normal_key
from ci_builder.request import Login
from ci_builder.untrusted import from_json
from ci_builder.values import dataclass

_SECONDS = 60
#: The user name by which a program says that the secret is an identity token.
IDENTITY_USER = "<token>"
_NOT_FOUND = "credentials not found"


class ProgramMissing(CredentialError):
    """The program that config.json names is not installed."""


@dataclass(frozen=True, slots=True)
class CredentialProgram:
    """The program ``docker-credential-NAME``, found and run with ``environment``."""

    name: str
    environment: Mapping[str, str]

    def get(self, server: str) -> Login | None:
        """The credentials for ``server`` (a key as docker writes it), None when the program has none.

        Raises CredentialError, ProgramMissing.
        """
        output = self._run("get", server)
        if output is None:
            return None
        try:
            value = from_json(output)
            user, secret = str(value["Username"]), str(value["Secret"])
        except (ValueError, KeyError, TypeError):
            # Neither the text nor the cause: both may hold the secret.
            raise CredentialError(f"{self._program} gave an answer that is no credential") from None
        if user == IDENTITY_USER:
            return Login(normal_key(server), identity_token=secret)
        return Login(normal_key(server), user, secret) if user or secret else None

    def store(self, server: str, login: Login) -> None:
        """Keep ``login`` for ``server``. Raises CredentialError."""
        user = IDENTITY_USER if login.identity_token else login.username
        value = {"ServerURL": server, "Username": user, "Secret": login.identity_token or login.password}
        self._run("store", json.dumps(value))

    def erase(self, server: str) -> None:
        """Forget what is kept for ``server``. Raises CredentialError."""
        self._run("erase", server)

    @property
    def installed(self) -> bool:
        """Whether it is on the PATH."""
        return shutil.which(self._program, path=self.environment.get("PATH", "")) is not None

    @property
    def _program(self) -> str:
        return f"docker-credential-{self.name}"

    def _run(self, verb: Literal["get", "store", "erase"], text: str) -> str | None:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.name):
            raise CredentialError(f"the credential helper {self.name!r} has no possible name")
        path = shutil.which(self._program, path=self.environment.get("PATH", ""))
        if path is None:
            raise ProgramMissing(
                f"{self._program} is not installed", hint="install it, or remove it from docker's config.json"
            )
        # What is stored is the secret itself.
        what = f"{self._program} {verb}" + (f" for {text}" if verb != "store" else "")
        try:
            done = subprocess.run(
                [path, verb],
                input=text,
                env=dict(self.environment),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = "it did not end" if isinstance(error, subprocess.TimeoutExpired) else error.strerror
            raise CredentialError(f"{what} failed: {reason}") from None
        if done.returncode == 0:
            return done.stdout
        said = done.stdout.strip() or done.stderr.strip()
        if verb != "store" and _NOT_FOUND in said.lower():
            return None
        # Only `get` never sees a secret on its input, so only its words are safe to repeat.
        words = f": {said[:200]}" if verb == "get" else ""
        raise CredentialError(f"{what} failed with code {done.returncode}{words}")
