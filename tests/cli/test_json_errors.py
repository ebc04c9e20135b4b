"""`--output json` of commands that fail: stdout has one object, with the error that stderr tells."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

# What each command is asked for, and whether it needs a fresh lock.
COMMANDS = {
    "lock --check": (["lock", "--check", ":app"], True),
    "build": (["build", ":app"], True),
    "push": (["push", ":app", "--registry", "registry.invalid"], True),
    "verify": (["verify", ":app"], True),
    "load": (["load", ":app"], True),
    "export of an image": (["export", ":app", "--format", "oci-archive", "-o", "../app.tar"], True),
    "export of a lock": (["export", ":app", "--format", "requirements"], True),
    "aquery": (["aquery", ":app"], True),
    "hook lock-check": (["hook", "lock-check"], True),
    "lock": (["lock", ":app"], False),
    "query": (["query", "deps(:app)"], False),
    "run": (["run", ":app"], True),
}
ALL = [pytest.param(*command, id=name) for name, command in COMMANDS.items()]
LOCKED = [pytest.param(command, id=name) for name, (command, needs) in COMMANDS.items() if needs]


def expected(command: list[str], code: int) -> int:
    """The exit code: of `run`, all codes but its own are its program's."""
    return 125 if command[0] == "run" else code


@pytest.fixture
def app(project: Project, index: FakeIndex) -> Project:
    index.add(make_package("alpha"))
    index.add(make_package("beta"))
    return project.write({"BUILD.yaml": environment(pip=["alpha"])})


@pytest.mark.parametrize(("command", "_locked"), ALL)
def test_errors_of_a_file(app: Project, command: list[str], _locked: bool) -> None:
    """All of them, each with its place."""
    app.write({"BUILD.yaml": "- environment:\n    name: app\n    pips: [alpha]\n    bas: scratch\n"})
    error = app.fail_as_json(expected(command, 2), *command)
    assert [(each["location"], each["code"]) for each in error["errors"]] == [
        ({"file": "BUILD.yaml", "line": line, "column": 5}, 2) for line in (3, 4)
    ]
    first = error["errors"][0]
    assert first["message"] == "`environment` has no attribute `pips`"
    assert first["hint"] == "did you mean `pip`?"
    assert "`pips`" in error["message"]
    assert "`bas`" in error["message"]


@pytest.mark.parametrize("command", LOCKED)
def test_missing_lock(app: Project, command: list[str]) -> None:
    error = app.fail_as_json(expected(command, 3), *command)
    assert error["message"] == "`//:app` has no lock"
    assert error["hint"].startswith("run `envbuild lock //:app`")


@pytest.mark.parametrize("command", LOCKED)
def test_stale_lock(app: Project, command: list[str]) -> None:
    app.succeed("lock")
    app.write({"BUILD.yaml": environment(pip=["alpha", "beta"])})
    error = app.fail_as_json(expected(command, 3), *command)
    assert error["message"].startswith("the lock of `//:app` is stale")
    assert error["hint"].startswith("run `envbuild lock //:app`")


@pytest.mark.parametrize(("command", "_locked"), ALL)
def test_wrong_usage(app: Project, command: list[str], _locked: bool) -> None:
    error = app.fail_as_json(expected(command, 2), *command, "--no-such-option")
    assert error["message"].startswith("no such option `--no-such-option`")
    assert error["hint"].endswith("--help`")
    assert error["location"] is None


@pytest.mark.parametrize(("command", "_locked"), [each for each in ALL if each.id != "hook lock-check"])
def test_missing_target(app: Project, command: list[str], _locked: bool) -> None:
    app.succeed("lock")
    asked = [argument.replace(":app", ":apple") for argument in command]
    error = app.fail_as_json(expected(command, 2), *asked)
    assert error["message"] == "`BUILD.yaml` has no target `apple`"
    assert error["hint"] == "did you mean `//:app`?"


def test_unknown_command(project: Project) -> None:
    error = project.fail_as_json(2, "biuld")
    assert error["hint"] == "did you mean `build`?"


def test_errors_of_several_files(project: Project) -> None:
    wrong = "- environment:\n    name: app\n    base: scratch\n    pips: [alpha]\n"
    project.write({"BUILD.yaml": wrong, "below/BUILD.yaml": wrong.replace("pips", "weels")})
    for command in ("build", "lock", "query"):
        error = project.fail_as_json(2, command, "//...")
        assert [(each["location"]["file"], each["hint"]) for each in error["errors"]] == [
            ("BUILD.yaml", "did you mean `pip`?"),
            ("below/BUILD.yaml", "did you mean `wheels`?"),
        ]


def test_several_stale_locks(app: Project) -> None:
    """What a target stands on is locked with it: one command mends all."""
    app.write({"below/BUILD.yaml": environment("other", pip=["beta"])})
    error = app.fail_as_json(3, "build", "//...")
    assert error["message"] == "`//:app` has no lock\n`//below:other` has no lock"
    assert error["hint"] == "run `envbuild lock //:app //below:other`"


def test_a_failed_build_has_results(app: Project, index: FakeIndex) -> None:
    """With `--keep-going`, its one object is the report, whose target has the error."""
    app.succeed("lock")
    index.statuses["alpha"] = 403
    error = app.fail_as_json(4, "build", "--no-keep-going")
    outcome = app.refuse(4, "build", "--keep-going", "--output", "json")
    assert outcome.target["error"]["message"] == error["message"]


def test_interrupted(app: Project, index: FakeIndex) -> None:
    file = "alpha-1.0-py3-none-any.whl"
    app.succeed("lock")
    index.stalled.add(file)
    with app.start("build", "--output", "json") as process:
        assert index.waiting.wait(60)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate()
    index.released.set()
    assert (process.returncode, err.splitlines()[-1]) == (8, "interrupted")
    error = {"code": 8, "message": "interrupted", "hint": "", "location": None}
    assert json.loads(out) == {"error": error}


@pytest.mark.parametrize("asked", ["--output=json", "--output json", "--output text --output json"])
def test_ways_to_ask(project: Project, asked: str) -> None:
    assert project.refuse(2, "build", "--no-such-option", *asked.split()).json["error"]["code"] == 2


@pytest.mark.parametrize(
    "asked", ["--output json --output text", "--output yaml", "-- --output json", "--output"]
)
def test_what_does_not_ask(project: Project, asked: str) -> None:
    """Behind `--`, options are a program's."""
    assert project.refuse(125, "run", "--no-such-option", *asked.split()).out == ""


def test_a_program_that_has_begun_has_stdout_for_itself(app: Project) -> None:
    app.succeed("lock")
    assert app.run("run", ":app", "--output", "json", "--bare", "--", "/no/such").code == 127
