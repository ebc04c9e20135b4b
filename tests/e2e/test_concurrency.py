"""Many processes on one cache: nothing is lost, torn, or done twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.makers.crashes import assert_sound, left_behind
from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Outcome, Project, environment, name_indexes

# Each two share two packages of three.
TARGETS = {
    "one": ["alpha", "beta", "gamma"],
    "two": ["beta", "gamma", "delta"],
    "three": ["gamma", "delta", "alpha"],
    "four": ["delta", "alpha", "beta"],
}
NAMES = ("alpha", "beta", "gamma", "delta")
PROCESSES = 10
ROUNDS = 2
GC = ("cache", "gc", "--max-age", "0s", "--max-size", "0")


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    with run_index(*(make_package(name, payload=name.encode() * 50_000) for name in NAMES)) as index:
        yield index


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory, index: FakeIndex) -> Project:
    """A locked workspace of overlapping targets, with an empty cache."""
    project = Project(tmp_path_factory.mktemp("project"))
    targets = "".join(environment(name, pip=pip) for name, pip in TARGETS.items())
    project.write({"envbuild.yaml": name_indexes(pypi=index.url), "BUILD.yaml": targets})
    project.succeed("lock", "//...")
    shutil.rmtree(project.cache)
    return project


def patterns(process: int) -> list[str]:
    """What a process builds: three of the targets, beginning with another one than its neighbours."""
    names = list(TARGETS)
    first = process % len(names)
    return [f"//:{name}" for name in (names[first:] + names[:first])[:3]]


def build_at_once(project: Project) -> list[dict[str, Any]]:
    """Build with all processes at the same time; what they report of all targets."""
    commands = [
        ("build", *patterns(n), "--output", "json", "--events", f"events{n}") for n in range(PROCESSES)
    ]
    processes = [project.start(*command) for command in commands]
    with ThreadPoolExecutor(PROCESSES) as pool:
        texts = list(pool.map(lambda process: process.communicate(), processes))
    assert [process.returncode for process in processes] == [0] * PROCESSES, texts
    return [target for out, _ in texts for target in json.loads(out)["targets"]]


def build_alone(project: Project) -> tuple[dict[str, str], list[str]]:
    """The digest of each image by name, and the actions that they take."""
    report = project.succeed("build", "//...", "--output", "json", "--events", "events")
    shutil.rmtree(project.cache)
    return digests_of(report.json["targets"]), executed(project)


def executed(project: Project) -> list[str]:
    """The actions that were executed, by the events of all commands so far, which are removed."""
    found = []
    for path in project.root.glob("events*"):
        events = map(json.loads, path.read_text().splitlines())
        found += [event["id"] for event in events if event.get("source") == "executed"]
        path.unlink()
    return sorted(found)


def digests_of(targets: list[dict[str, Any]]) -> dict[str, str]:
    """The digest of each image by name: of all reports the same."""
    found = {(str(each["image"]).removeprefix("envs/"), str(each["digest"])) for each in targets}
    assert len(found) == len(TARGETS)
    return dict(found)


def test_each_action_is_executed_once(project: Project, index: FakeIndex) -> None:
    expected, actions = build_alone(project)
    for _ in range(ROUNDS):
        index.requests.clear()
        targets = build_at_once(project)
        assert digests_of(targets) == expected
        assert executed(project) == actions
        files = [request for request in index.requests if request.startswith("/files/")]
        assert len(files) == len(set(files)) == len(NAMES)
        assert_sound(project, expected)
        assert left_behind(project) == []
        shutil.rmtree(project.cache)


def test_a_clean_up_takes_nothing_that_builds_use(project: Project) -> None:
    expected, _ = build_alone(project)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(ROUNDS):
            building = pool.submit(build_at_once, project)
            cleaned = [project.run(*GC)]
            while not building.done():
                cleaned.append(project.run(*GC))
            assert digests_of(building.result()) == expected
            assert [outcome for outcome in cleaned if outcome.code != 0 and not refused(outcome)] == []
            assert_sound(project, expected)
            assert left_behind(project) == []
            shutil.rmtree(project.cache)


def refused(outcome: Outcome) -> bool:
    return outcome.code == 4 and "is in use" in outcome.err


def test_a_clean_up_waits_for_nobody(project: Project, index: FakeIndex) -> None:
    index.stalled.add("alpha-1.0-py3-none-any.whl")
    with project.start("build", "//:one") as process:
        assert index.waiting.wait(60)
        assert refused(project.run(*GC))
        index.stalled.clear()
        index.released.set()
        _, diagnostics = process.communicate()
    # The download that was cut off is begun again.
    assert process.returncode == 0, diagnostics
