"""The pages' commands are typed into a shell, and what comes out is what the pages show."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Built, machine_environment
from tests.makers.pages import Block, Step, find_blocks, find_steps
from tests.makers.project import Project

pytestmark = pytest.mark.network

TOUR = "README.md-2"
BLOCKS = {block.name: block for block in find_blocks("console")}
# Where a block is typed: below the examples' workspace, at its top unless stated.
FOLDERS = {"docs/run.md-0": "examples/sklearn"}
ELSEWHERE = {
    TOUR: "below, as it needs an engine, a registry and packages of today",
    "docs/import.md-0": "below, as it writes into the workspace",
    "docs/import.md-1": "cli/imports/test_prefix.py, as it takes an environment of conda's",
}
# What the plain lines have for each action, and the pages leave out.
_PROGRESS = re.compile(r"^[A-Z]\w+ .*\(\d+\.\d s\)$")
_IMAGE = re.compile(r"envs/env_[0-9a-f]{32}")


def type_in(project: Project, folder: str, line: str) -> subprocess.CompletedProcess[str]:
    """A line typed into a shell, with all that it shows as its output."""
    return subprocess.run(
        ["bash", "-c", line],
        cwd=project.root / folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def assert_shows(step: Step, done: subprocess.CompletedProcess[str]) -> None:
    """A command prints what the page shows, but for numbers and digests; it fails if an error is shown."""
    shown = [_without_numbers(line) for line in step.output.splitlines() if line]
    said = [_without_numbers(line) for line in done.stdout.splitlines() if not _PROGRESS.match(line)]
    assert (done.returncode != 0) == step.output.startswith("error: "), done
    if shown[-1:] == ["..."]:
        shown.pop()
        said = said[: len(shown)]
    assert not shown or said == shown, done


def _without_numbers(line: str) -> str:
    return re.sub(r"\d+(\.\d+)*", "N", re.sub(r"(sha256:|env_)([0-9a-f]+|\.\.\.)", r"\1H", line))


@pytest.mark.parametrize("name", BLOCKS.keys() - ELSEWHERE.keys())
def test_commands_on_the_examples(built: Built, name: str) -> None:
    for step in find_steps(BLOCKS[name]):
        assert_shows(step, type_in(built.project, FOLDERS.get(name, ""), step.line))


def test_import(tmp_path: Path) -> None:
    (step,) = find_steps(BLOCKS["docs/import.md-0"])
    written = "name: train\nchannels: [conda-forge]\ndependencies: [python=3.11]\n"
    project = Project(tmp_path).write({"envbuild.yaml": "", "environment.yml": written})
    assert_shows(step, type_in(project, "", step.line))


@pytest.mark.services
def test_the_tour(tmp_path: Path, engine: str, registry: str) -> None:
    """README's first minute, with the names that today's packages give to the images."""
    project = Project(
        tmp_path, {**machine_environment(), "DOCKER_HOST": engine, "XDG_CACHE_HOME": str(tmp_path)}
    )
    folder, names = "", {}
    for step in find_steps(BLOCKS[TOUR]):
        line = step.line.replace("localhost:5000", registry)
        if line.startswith("pip install envbuild "):
            continue  # what `make demo` and every test did already
        for theirs, ours in names.items():
            line = line.replace(theirs, ours)
        done = type_in(project, folder, line)
        assert_shows(step, done)
        names |= dict(zip(_IMAGE.findall(step.output), _IMAGE.findall(done.stdout), strict=True))
        folder = folder or "tour"
    assert len(names) == 2
