"""Steps of a build by the graph that was kept: they run, fail, are ended and need secrets as ever."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.makers.corpus import BASE, run_base
from tests.makers.project import Project
from tests.makers.ways import BY_GRAPH, ask, settle

IMAGE = (
    "- dockerfile_image: {name: app, dockerfile: src/Dockerfile, context: src, contexts: {base: ':base'}}\n"
)
STEPS = "FROM base\nRUN echo first > /first\nCOPY script /\nRUN sh /script\n"
BUILD = ("build", ":app")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with run_base(tmp_path_factory.mktemp("again")) as project:
        yield project


@pytest.fixture
def desk(shared: Project) -> Project:
    """A workspace whose image was built, and whose graph is kept."""
    return prepare(shared, STEPS)


def prepare(project: Project, steps: str, *arguments: str) -> Project:
    project.write({"src/Dockerfile": steps, "src/script": "echo one > /two\n", "BUILD.yaml": BASE + IMAGE})
    settle(project)
    project.succeed(*BUILD, *arguments)
    return project


def edit(project: Project, script: str) -> None:
    project.write({"src/script": script})


def kept(project: Project) -> list[Path]:
    return list((project.cache / "memo").glob("*.graph.json"))


def test_what_depends_on_the_file_runs_and_nothing_else(desk: Project) -> None:
    edit(desk, "cat /first > /copy\n")
    found = desk.succeed(*BUILD, "--output", "json").target  # another question: the whole command
    edit(desk, "cat /first /first > /copy\n")
    again = desk.succeed(*BUILD, "--output", "json").target
    assert found["digest"] != again["digest"]
    assert again["actions"]["executed"] == 3  # COPY, RUN and the image
    whole = desk.succeed(*BUILD, "--output", "json", "--no-memo").target
    assert whole["digest"] == again["digest"]


def test_a_step_that_fails_says_what_it_says(desk: Project) -> None:
    edit(desk, "echo about to fail; exit 3\n")
    error = desk.fail(1, *BUILD)
    assert "`RunStep src/Dockerfile:4: RUN sh /script` failed" in error
    assert "ended with exit code 3\n  about to fail\nhint: " in error
    assert error == desk.fail(1, *BUILD, "--no-memo")


def test_a_step_is_ended_by_the_user(desk: Project) -> None:
    mark = f"waits-{time.time_ns()}"
    edit(desk, f"echo {mark}; sleep 100\n")
    with desk.start(*BUILD) as process:
        assert process.stderr
        # The step's name stands above what it writes.
        assert any(line == f"  | {mark}\n" for line in process.stderr)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (8, "")
    assert err.endswith("interrupted\n")
    assert desk.leftovers() == []
    edit(desk, "true\n")
    desk.succeed(*BUILD)


def test_steps_that_are_given_secrets_are_left_to_the_whole_command(shared: Project) -> None:
    secret = "RUN --mount=type=secret,id=token,required=true cat /run/secrets/token > /dev/null\n"
    with_secret = shared.with_variables(HELD="of-the-secret")
    stated = ("--secret", "id=token,env=HELD")
    prepare(with_secret, f"FROM base\n{secret}COPY script /\nRUN sh /script\n", *stated)
    assert not any(word in path.read_text() for path in kept(shared) for word in ("HELD", "of-the-secret"))
    edit(shared, "echo other > /two\n")  # above the secret's step, which is as it was
    found, way = ask(shared, *BUILD, *stated)
    assert (found.code, way) == (0, BY_GRAPH)
    with_secret = with_secret.with_variables(HELD="another")
    prepare(with_secret, f"{STEPS}{secret}", *stated)
    edit(with_secret, "echo third\n")  # below it
    error = shared.fail(2, *BUILD, *stated)
    assert "`HELD`, which is not set" in error
    assert error == shared.fail(2, *BUILD, *stated, "--no-memo")
    with_secret.succeed(*BUILD, *stated)


def test_what_does_not_depend_on_a_failure_is_built_nevertheless(desk: Project) -> None:
    """If the build was asked to keep going, by its command line or its workspace."""
    other = "FROM base\nCOPY script /copy\n"
    build = BASE + IMAGE + IMAGE.replace("app", "other").replace("src/Dockerfile", "src/Other")
    ask = ("build", ":app", ":other", "--keep-going", "--output", "json")
    desk.write({"BUILD.yaml": build, "src/Other": other})
    settle(desk)
    desk.succeed(*ask)
    edit(desk, "exit 3\n")
    found = desk.run(*ask)
    assert [each["status"] for each in found.json["targets"]] == ["failed", "built"]
    whole = desk.run(*ask, "--no-memo")
    assert found.json["targets"][0] == whole.json["targets"][0]
    assert found.code == whole.code == 1
