"""All the cases."""

from __future__ import annotations

from tests.conformance.cases import (
    add,
    arguments,
    copy_files,
    copy_folders,
    copy_stages,
    dockerignore,
    run,
    run_mounts,
    settings,
)

CASES = (
    *copy_files.CASES,
    *copy_folders.CASES,
    *copy_stages.CASES,
    *add.CASES,
    *dockerignore.CASES,
    *run.CASES,
    *run_mounts.CASES,
    *settings.CASES,
    *arguments.CASES,
)
