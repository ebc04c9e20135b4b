"""Ctrl-C: the whole process group gets SIGINT, as from a terminal."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from tests.makers.gate import Answer, Asked, Break, Gate, open_gate
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

FILE = "alpha-1.0-py3-none-any.whl"
BLOBS = 3  # of the smallest image: what comes from the package, what makes the environment, and the config


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


@pytest.mark.services
def test_interrupted_push(project: Project, index: FakeIndex, registry: str) -> None:
    """Of uploads that are never answered: none is waited for, and none is tried again."""
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    sent = threading.Semaphore(0)

    def swallow(asked: Asked) -> Answer | None:
        if asked.method != "PUT":
            return None
        sent.release()
        return Answer(0, broken=Break(silent=True))

    with open_gate(Gate(registry, before=swallow)) as gate:
        with project.start("build", "--push", "--registry", f"{gate.host}/interrupted") as process:
            for _ in range(BLOBS):
                assert sent.acquire(timeout=60)
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate()
        assert (process.returncode, out) == (8, "")
        assert err.endswith("interrupted\n")
        assert "Traceback" not in err
        assert gate.count("PUT") == BLOBS
    project.succeed("push", "--registry", f"{registry}/interrupted")
    assert project.leftovers() == []
