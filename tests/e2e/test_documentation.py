"""The pages' commands are typed into a shell, and what comes out is what the pages show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Built, machine_environment
from tests.makers.examples import HELLO
from tests.makers.pages import Step, find_blocks, find_steps, read_page
from tests.makers.project import Project, environment

pytestmark = pytest.mark.network

TOUR = "README.md-2"
BLOCKS = {block.name: block for block in find_blocks("console", "sh") if "envbuild " in block.text}
# Where a block is typed: below the examples' workspace, at its top unless stated.
FOLDERS = {"docs/run.md-0": "examples/sklearn"}
ELSEWHERE = {
    TOUR: "below, as it needs an engine, a registry and packages of today",
    "docs/import.md-0": "below, as it writes into the workspace",
    "examples/conda/README.md-0": "test_conda.py, as it takes a channel",
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
        env={**project.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
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


@pytest.mark.parametrize("name", [name for name in BLOCKS if name not in ELSEWHERE])
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
    folder = ""
    names: dict[str, str] = {}
    for step in find_steps(BLOCKS[TOUR]):
        line = step.line.replace("localhost:5000", registry)
        if line.startswith("pip install envbuild "):
            continue  # what `make demo` and every test did already
        for theirs, ours in names.items():
            line = line.replace(theirs, ours)
        done = type_in(project, folder, line)
        assert_shows(step, done)
        names |= dict(zip(_IMAGE.findall(step.output), _IMAGE.findall(done.stdout), strict=False))
        folder = folder or "tour"
    assert len(names) == 2


def test_reports(built: Built) -> None:
    """The pages' JSON has the fields that commands print, and in the same places."""
    shown = {block.name: json.loads(block.text) for block in find_blocks("json")}
    build = shown["docs/commands.md-0"]
    (target,) = build["targets"]
    del target["pushed"], target["error"]  # of a push, and of what failed
    assert shape(built.project.succeed("build", HELLO, "--output", "json").json) == shape(build)
    assert {"error": shape(built.project.fail_as_json(2, "build", ":nothing"))} == {
        "error": {**shape(shown["docs/commands.md-1"]["error"]), "location": "NoneType"}
    }
    verified = built.project.succeed("verify", HELLO, "--output", "json").json
    assert shape(verified) == shape(shown["docs/verify.md-1"])


def test_events(tmp_path: Path) -> None:
    """The page's event has all its fields."""
    project = Project(tmp_path).write(
        {"envbuild.yaml": "", "BUILD.yaml": environment(files={"a": "/a"}), "a": ""}
    )
    project.succeed("lock")
    project.succeed("build", "--events", "events")
    lines = map(json.loads, (project.root / "events").read_text().splitlines())
    finished = next(line for line in lines if line["event"] == "action_finished")
    (block,) = (block for block in find_blocks("json") if block.page == "docs/events.md")
    assert shape(finished) == shape(json.loads(block.text))


def shape(value: Any) -> Any:
    """A JSON value's fields with their types; of a list its first item's."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value[:1]] if isinstance(value, list) else type(value).__name__


def test_the_folders_of_the_cache(built: Built) -> None:
    told = re.findall(r"^\| (`.*?) \|", read_page("docs/cache.md"), re.MULTILINE)
    named = {each.split("/")[0] for row in told for each in re.findall(r"`([^`]*)`", row)}
    assert {path.name for path in built.project.cache.iterdir()} <= named
