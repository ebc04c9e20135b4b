"""Commands, options, and what all commands have in common."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest

from envbuild import __version__
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["biuld"], "there is no command `biuld`\nhint: did you mean `build`?"),
        (["frobnicate"], "there is no command `frobnicate`\nhint: run `envbuild --help` to see them all"),
        (["build", "--jobs", "0"], "invalid value for `--jobs`: 0 is not in the range x>=1"),
        (["lock", "--resolver", "conda"], "invalid value for `--resolver`: `conda` is not one of"),
        (["export", ":app"], "missing option `--format`"),
        (
            ["export", ":app", "--format", "oci-archive", "-o", "."],
            "invalid value for `-o` / `--file`: File `.` is a",
        ),
        (["cache", "gcc"], "no such command `gcc`"),
        (
            ["--workspace", "elsewhere", "build"],
            "no such option `--workspace`\nhint: options stand behind the command, as in `envbuild",
        ),
        (["lock", "--check", "--upgrade"], "`--check` and an upgrade exclude each other"),
        (["lock", "--check", "--upgrade-package", "a"], "`--check` and an upgrade exclude each other"),
    ],
)
def test_wrong_usage(project: Project, arguments: list[str], text: str) -> None:
    error = project.fail(2, *arguments)
    assert error.startswith(f"error: {text}")
    assert "\nhint: " in error


def test_wrong_option_of_a_command(project: Project) -> None:
    error = project.fail(2, "build", "--jbos", "3")
    hint = "did you mean `--jobs`? `envbuild build --help` tells all"
    assert error == f"error: no such option `--jbos`\nhint: {hint}\n"
    error = project.fail(2, "build", "--frobnicate")
    assert error == "error: no such option `--frobnicate`\nhint: run `envbuild build --help`\n"
    error = project.fail(2, "lock", "--upgrade-package")
    assert error.endswith("requires an argument\nhint: run `envbuild lock --help`\n")


@pytest.mark.parametrize(
    "registry", ["https://host.invalid/x", "two words", "host:99999", "HOST", "host.invalid/../x"]
)
def test_wrong_registry(project: Project, registry: str) -> None:
    project.write({"BUILD.yaml": environment()}).succeed("lock")
    expected = (
        f"error: `{registry}` is no registry\nhint: write `host:port` or `host/path`, without `https://`\n"
    )
    assert project.fail(2, "build", "--push", "--registry", registry) == expected
    assert project.with_variables(ENVBUILD_REGISTRY=registry).fail(2, "push") == expected
    assert project.images() == []


def test_no_registry(project: Project) -> None:
    project.write({"BUILD.yaml": environment()}).succeed("lock")
    assert project.fail(2, "build", "--push") == (
        "error: there is no registry to push to\n"
        "hint: name one with `--registry`, `ENVBUILD_REGISTRY`, or `registry:` in envbuild.yaml\n"
    )
    assert project.images() == []


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_result_that_cannot_be_written(project: Project, buffered: str) -> None:
    project.write({"BUILD.yaml": environment()})
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m envbuild query //... > /dev/full"],
        cwd=project.root,
        env={**project.environment, "PYTHONUNBUFFERED": buffered},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    said = "error: the result cannot be written: No space left on device\nhint: write it elsewhere\n"
    assert (done.returncode, done.stderr) == (4, said)


def test_help(project: Project) -> None:
    text = project.succeed("--help").out
    for command in ("init", "lock", "build", "push", "load", "export", "query", "aquery", "cache", "clean"):
        assert f"\n  {command} " in text
        assert project.succeed(command, "--help").out.startswith(f"Usage: envbuild {command} ")


@pytest.mark.parametrize("group", [[], ["cache"], ["hook"]])
def test_without_a_command(project: Project, group: list[str]) -> None:
    outcome = project.run(*group)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == project.succeed(*group, "--help").out


def test_version(project: Project) -> None:
    for arguments in (["--version"], ["version"]):
        assert project.succeed(*arguments).out == f"envbuild {__version__}\n"
    assert project.succeed("version", "--output", "json").json == {"version": __version__}


def test_info(project: Project, index: FakeIndex) -> None:
    facts = project.succeed("info", "--output", "json", "--registry", "registry.invalid/team").json
    assert facts["workspace"] == str(project.root)
    assert facts["cache"] == str(project.cache)
    assert facts["registry"] == "registry.invalid/team"
    assert facts["sources"] == ["pypi", "debian"]
    text = project.succeed("info").out
    assert f"workspace  {project.root}\n" in text
    assert f"index      pypi: {index.url}\n" in text
    assert "debian     debian: what this machine is set to\n" in text


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    return project


def test_folders_of_the_workspace(locked: Project) -> None:
    """A pattern is seen from the current folder, and a workspace may be named from elsewhere."""
    locked.write({"below/BUILD.yaml": environment("other")})
    locked.succeed("lock", "//...")
    here = locked.run("build", "--workspace", str(locked.root / "below"), "//below:other")
    assert here.code == 0, here
    assert "//below:other  built" in here.out


def test_quiet(locked: Project) -> None:
    for _ in range(2):
        outcome = locked.succeed("build", "-q")
        assert (outcome.out, outcome.err) == ("", "")
    assert locked.succeed("build", "-q", "--output", "json").target["status"] == "exists"
    # What went wrong is said.
    (locked.root / "app.lock.json").unlink()
    assert "error: `//:app` has no lock" in locked.fail(3, "build", "-q")


def test_verbose(locked: Project) -> None:
    locked.succeed("build")
    locked.succeed("clean")
    lines = locked.succeed("build", "-v").err.splitlines()
    assert sorted(lines) == [
        "CheckPaths //:app (local)",
        "Image //:app (local)",
        "VenvLayer venv (local)",
        "WheelLayer alpha 1.0 (local)",
    ]


def test_events_and_profile(locked: Project) -> None:
    """An action is one line in the one and one bar in the other."""
    locked.succeed("build", "--events", "../events", "--profile", "../profile.json", "-q")
    events = [json.loads(line) for line in (locked.top / "events").read_text().splitlines()]
    finished = {each["subject"]: each for each in events if each["event"] == "action_finished"}
    assert set(finished) == {"venv", "alpha 1.0", "//:app"}
    assert all(each["source"] == "executed" and each["seconds"] >= 0 for each in finished.values())
    assert [each["done"] for each in events if each["event"] == "transfer_progress"]
    times = [each["time"] for each in events]
    assert times == sorted(times)
    assert (events[-1]["event"], events[-1]["status"]) == ("build_finished", "done")
    bars = json.loads((locked.top / "profile.json").read_text())["traceEvents"]
    names = {each["name"] for each in bars if each["ph"] == "X"}
    assert names == {"VenvLayer venv", "WheelLayer alpha 1.0", "CheckPaths //:app", "Image //:app"}


def test_events_of_a_failure(locked: Project, index: FakeIndex) -> None:
    index.statuses["alpha"] = 403
    error = locked.fail(4, "build", "--events", "../events", "--profile", "../profile.json.gz")
    lines = (locked.top / "events").read_text().splitlines()
    (failed,) = [event for event in map(json.loads, lines) if event["event"] == "action_failed"]
    assert (failed["mnemonic"], failed["subject"]) == ("WheelLayer", "alpha 1.0")
    assert "answered 403 (forbidden)" in failed["message"]
    assert json.loads(lines[-1])["status"] == "failed"
    assert "answered 403 (forbidden)" in error
    trace = json.loads(gzip.decompress((locked.top / "profile.json.gz").read_bytes()))
    assert any("WheelLayer alpha 1.0" in each.get("name", "") for each in trace["traceEvents"])


@pytest.mark.parametrize("option", ["--events", "--profile"])
def test_files_that_cannot_be_written(locked: Project, option: str) -> None:
    error = locked.fail(2, "build", option, "/no/such/folder/file")
    assert error.startswith("error: cannot write ")
    assert "`/no/such/folder/file`" in error


def test_color(locked: Project) -> None:
    (locked.root / "app.lock.json").unlink()
    assert "\x1b[" in locked.run("build", "--color", "always").err
    assert "\x1b[" not in locked.run("build").err
    assert "\x1b[" not in locked.run("build", "--color", "never").err
