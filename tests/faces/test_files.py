"""The files of the faces are what their CI systems accept, and know the same inputs as the adapters."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ci_builder.ci.inputs import NAMES, UNSUPPORTED, read_inputs, variable
from tests.faces.project import REPOSITORY

ACTION = (REPOSITORY / "action.yml").read_text()
TEMPLATE = (REPOSITORY / "gitlab-template.yml").read_text()


def action_inputs() -> dict[str, str]:
    """The inputs of action.yml with the text of each."""
    section = ACTION.partition("\ninputs:\n")[2].partition("\noutputs:\n")[0]
    parts = re.split(r"^  ([a-z][a-z-]*):", section, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_action_has_the_inputs_of_the_adapter_and_of_docker() -> None:
    inputs = action_inputs()
    assert inputs.keys() >= UNSUPPORTED.keys()
    assert inputs.keys() <= NAMES | UNSUPPORTED.keys()
    assert NAMES - inputs.keys() == {"context-sub-path", "disposable", "digest-file"}


def test_the_defaults_of_the_action_are_accepted() -> None:
    defaults = {
        name: re.sub(r'^"|"$', "", match[1]) if (match := re.search(r"default: ([^\s}]+)", text)) else ""
        for name, text in action_inputs().items()
    }
    assert read_inputs({"CI_BUILDER_INPUTS": json.dumps(defaults)}).text("context") == "."


def test_no_input_is_pasted_into_a_script() -> None:
    scripts = ACTION.partition("\nruns:\n")[2]
    assert re.findall(r"\$\{\{.*?\}\}", scripts) == ["${{ toJSON(inputs) }}"]
    assert "$[[" not in TEMPLATE.partition("script:")[2]


def test_the_template_gives_variables_that_the_adapter_knows() -> None:
    given = re.findall(r"^    (CI_BUILDER_[A-Z_]+): ", TEMPLATE, flags=re.MULTILINE)
    assert set(given) <= {variable(name) for name in NAMES}
    assert len(given) > 10


@pytest.fixture
def check(tool: Callable[[str], str]) -> Callable[..., None]:
    """Checks files against one of the schemas that come with check-jsonschema."""
    program = tool("check-jsonschema")

    def run(schema: str, *arguments: str) -> None:
        command = [program, "--builtin-schema", f"vendor.{schema}", *arguments]
        ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return run


def test_schemas_of_github(check: Callable[..., None]) -> None:
    check("github-actions", "action.yml")
    check("github-workflows", "examples/github/build.yml")


def test_schema_of_gitlab(check: Callable[..., None], tmp_path: Path) -> None:
    head, separator, body = TEMPLATE.partition("\n---\n")
    assert separator
    assert head.count("\nspec:\n") == 1
    (tmp_path / "body.yml").write_text(body)
    transform = ("--data-transform", "gitlab-ci")
    check("gitlab-ci", *transform, str(tmp_path / "body.yml"), "examples/gitlab/.gitlab-ci.yml")
