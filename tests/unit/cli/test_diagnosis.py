"""What the doctor tells of credentials, proxies and the job: never a secret."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

import pytest

from ci_builder.cli.diagnosis.gather import credentials_of
from ci_builder.cli.diagnosis.report import Answering
from ci_builder.cli.invocation import Invocation, temporary_folder
from ci_builder.cli.main import main
from ci_builder.errors import OutputError

SECRET = "s3cr3t-of-the-job"
JOB = {
    "GITLAB_CI": "true",
    "CI_REGISTRY": "r.example.com",
    "CI_REGISTRY_IMAGE": "r.example.com/group/app",
    "CI_REGISTRY_USER": "gitlab-ci-token",
    "CI_REGISTRY_PASSWORD": SECRET,
    "CI_COMMIT_REF_SLUG": "main",
}


def _auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_the_first_source_answers(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(
        json.dumps(
            {
                "auths": {
                    "r.example.com": _auth(f"me:{SECRET}"),
                    "o.example.com": _auth(f"{SECRET}:{SECRET}"),
                },
                "credHelpers": {"gcr.io": "nowhere"},
            }
        )
    )
    job, found = credentials_of({**JOB, "DOCKER_CONFIG": str(tmp_path)})
    assert (job.ci, job.trouble, found.trouble) == ("gitlab", "", "")
    mine, source = "variables of the job (gitlab)", str(file)
    assert found.answering == (
        Answering("r.example.com", mine, "password", "gitlab-ci-token"),
        Answering(
            "gcr.io",
            source,
            "helper",
            "",
            "docker-credential-nowhere",
            "docker-credential-nowhere is not installed",
        ),
        Answering("r.example.com", source, "password", "me", "", f"not used: {mine} answers"),
        # Somebody took the password for the user's name.
        Answering("o.example.com", source, "password", "***"),
    )
    assert SECRET not in str([astuple(item) for item in found.answering])


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"auths": ' + SECRET)
    _, found = credentials_of({"DOCKER_CONFIG": str(tmp_path)})
    assert "config.json is not JSON" in found.trouble
    assert SECRET not in found.trouble


def test_a_job_that_asks_for_nothing() -> None:
    job, _ = credentials_of({"GITLAB_CI": "true", "CI_REGISTRY_USER": "me"})
    assert (job.ci, bool(job.trouble)) == ("gitlab", True)
    job, _ = credentials_of({})
    assert (job.ci, job.trouble) == ("generic", "")


def _doctor(words: list[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    out, said = io.BytesIO(), io.StringIO()
    code = main(["doctor", *words], Invocation("ci-builder", environment, io.BytesIO(), out, said))
    return code, out.getvalue().decode(), said.getvalue()


def test_no_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pytest.raises(OutputError, match="no folder for temporary files"):
        temporary_folder({})
    monkeypatch.undo()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    code, out, said = _doctor([], {})
    assert (code, out) == (1, "")
    assert "hint: set TMPDIR" in said


def test_a_format_that_is_none() -> None:
    code, _, said = _doctor(["--format", "yaml"], {})
    assert code == 2
    assert "--format" in said


def test_help_says_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _doctor(["--help"], {})[0] == 0
    text = capsys.readouterr().out
    assert "exit codes:\n  0  a Dockerfile with RUN can be built" in text
