"""Ctrl-C: the whole process group gets SIGINT, as from a terminal."""

from __future__ import annotations

import os
import signal

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

FILE = "alpha-1.0-py3-none-any.whl"


def interrupt(project: Project, index: FakeIndex, *arguments: str) -> None:
    """Run a command until it waits for the rest of a file, and interrupt it there."""
    index.stalled.add(FILE)
    with project.start(*arguments) as process:
        assert index.waiting.wait(60)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (8, "")
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    index.released.set()
    index.stalled.clear()


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_interrupted_download(project: Project, index: FakeIndex, jobs: str) -> None:
    index.add(make_package("alpha", payload=bytes(3_000_000)))
    index.add(make_package("beta"))
    project.write({"BUILD.yaml": environment(pip=["alpha", "beta"])}).succeed("lock")
    before = project.contents()
    interrupt(project, index, "build", "--jobs", jobs)
    assert project.contents() == before
    assert project.images() == []
    # A killed thread may leave a file; the next command that writes removes it.
    assert project.succeed("build", "--output", "json").target["status"] == "built"
    assert project.leftovers() == []


def test_interrupted_lock(project: Project, index: FakeIndex) -> None:
    index.add(make_package("alpha", payload=bytes(3_000_000)))
    project.write({"BUILD.yaml": environment(pip=["alpha"])})
    before = project.contents()
    interrupt(project, index, "lock")
    assert project.contents() == before
    assert project.leftovers() == []
    project.succeed("lock")
