"""All the cases."""

from __future__ import annotations

from tests.conformance.cases import (
    add,
    arguments,
    copy_edges,
    copy_files,
    copy_flags,
    copy_folders,
    copy_stages,
    dockerignore,
    generated,
    run,
    run_mounts,
    settings,
)

CASES = (
    *copy_files.CASES,
    *copy_flags.CASES,
    *copy_edges.CASES,
    *copy_folders.CASES,
    *copy_stages.CASES,
    *add.CASES,
    *dockerignore.CASES,
    *generated.CASES,
    *run.CASES,
    *run_mounts.CASES,
    *settings.CASES,
    *arguments.CASES,
)
