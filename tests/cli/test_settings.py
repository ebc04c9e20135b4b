"""Settings: a flag beats the environment, which beats envbuild.yaml."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from envbuild.app import open_app
from envbuild.cli import build, export, load, verify
from envbuild.cli.main import run
from envbuild.options import Options
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

DAY = 86_400
OLD = time.time() - 10 * DAY


def write_blobs(cache: Path) -> None:
    """Three blobs of 1000 bytes that no image needs, last used ten days ago."""
    folder = cache / "blobs" / "sha256"
    folder.mkdir(parents=True, exist_ok=True)
    for letter in "abc":
        (folder / (letter * 64)).write_bytes(bytes(1000))
        os.utime(folder / (letter * 64), (OLD, OLD))


def collect(folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> int:
    """How many of them `cache gc` removes."""
    write_blobs(folder / "cache")
    arguments = ["cache", "gc", "--cache-dir", str(folder / "cache"), "--output", "json", *flags]
    assert run(arguments) == 0
    removed = json.loads(capsys.readouterr().out)["blobs"]
    assert isinstance(removed, int)
    return removed


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, with a folder in it to work in."""
    (tmp_path / "envbuild.yaml").touch()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    return tmp_path


@pytest.mark.parametrize(
    ("stated", "variable", "values", "flag"),
    [
        ("max_size: 2k", "ENVBUILD_CACHE_MAX_SIZE", ("1k", "0"), "--max-size"),
        ("keep_days: 9", "ENVBUILD_CACHE_MAX_AGE", ("11d", "1h"), "--max-age"),
    ],
)
def test_what_gc_keeps(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stated: str,
    variable: str,
    values: tuple[str, str],
    flag: str,
) -> None:
    expected = {"1k": 2, "0": 3, "11d": 0, "1h": 3}
    assert collect(workspace, capsys) == 0
    (workspace / "envbuild.yaml").write_text(f"cache: {{{stated}}}\n")
    assert collect(workspace, capsys) == (1 if "size" in stated else 3)
    monkeypatch.setenv(variable, values[0])
    assert collect(workspace, capsys) == expected[values[0]]
    assert collect(workspace, capsys, flag, values[1]) == expected[values[1]]


def test_gc_outside_of_workspaces_and_of_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert collect(tmp_path, capsys) == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "envbuild.yaml").write_text("cache: {keep_days: 9}\n")
    assert collect(tmp_path, capsys, "--workspace", "other") == 3
    assert run(["cache", "gc", "--cache-dir", str(tmp_path / "cache"), "--workspace", "none"]) == 2
    assert "is in no workspace" in capsys.readouterr().err


def test_gc_in_a_workspace_that_is_wrong_removes_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_blobs(workspace / "cache")
    (workspace / "envbuild.yaml").write_text("cache: {max_size: some}\n")
    assert run(["cache", "gc", "--cache-dir", str(workspace / "cache")]) == 2
    assert "envbuild.yaml:1:19: error: `some` is no amount" in capsys.readouterr().err
    assert len(list((workspace / "cache/blobs/sha256").iterdir())) == 3
    (workspace / "envbuild.yaml").write_text("cache: {keep_days: -1}\n")
    assert run(["cache", "gc", "--cache-dir", str(workspace / "cache")]) == 2
    assert "envbuild.yaml:1:20: error: `keep_days` must be at least 0" in capsys.readouterr().err
    assert len(list((workspace / "cache/blobs/sha256").iterdir())) == 3
    # Who states everything needs no workspace.
    assert collect(workspace, capsys, "--max-size", "0", "--max-age", "1d") == 3


@pytest.mark.parametrize("module", [build, export, load, verify])
def test_jobs(workspace: Path, monkeypatch: pytest.MonkeyPatch, module: object) -> None:
    command = module.command  # type: ignore[attr-defined]
    target = [] if module in (build, verify) else [":app"]
    form = ["--format", "oci-archive"] if module is export else []

    def jobs(*flags: str) -> int:
        stated = command.make_context("x", [*target, *form, *flags]).params["jobs"]
        options = Options(
            None, workspace / "cache", "", "text", None, None, "never", quiet=True, verbose=False
        )
        with open_app(options, jobs=stated) as app:
            return app.jobs

    assert jobs() == len(os.sched_getaffinity(0))
    (workspace / "envbuild.yaml").write_text("build: {jobs: 71}\n")
    assert jobs() == 71
    monkeypatch.setenv("ENVBUILD_JOBS", "72")
    assert jobs() == 72
    assert jobs("--jobs", "73") == 73


def test_jobs_in_the_environment_that_are_none(project: Project) -> None:
    error = project.with_variables(ENVBUILD_JOBS="many").fail(2, "build")
    assert "`many` is not a valid integer range" in error


def test_keep_going(project: Project, index: FakeIndex) -> None:
    index.add(make_package("alpha"))
    index.add(make_package("beta"))
    project.write({"BUILD.yaml": environment("bad", pip=["alpha"]) + environment("good", pip=["beta"])})
    project.succeed("lock")
    index.files.pop("alpha")
    settings = project.contents()["envbuild.yaml"].decode()

    def goes_on(project: Project, *flags: str) -> bool:
        outcome = project.run("build", "--no-memo", *flags)
        assert outcome.code == 4
        return "//:good  " in outcome.out

    assert not goes_on(project)
    project.write({"envbuild.yaml": f"{settings}build: {{keep_going: true}}\n"})
    assert goes_on(project)
    assert not goes_on(project.with_variables(ENVBUILD_KEEP_GOING="0"))
    assert goes_on(project.with_variables(ENVBUILD_KEEP_GOING="0"), "--keep-going")
    assert not goes_on(project, "--no-keep-going")


# A setting is part of the question: what was remembered without it does not answer with it.
def test_a_remembered_answer_is_one_to_these_settings(project: Project) -> None:
    project.write({"BUILD.yaml": environment(pip=[])}).succeed("lock")
    for path in project.root.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    project.succeed("build")
    assert "done in" not in project.succeed("build").out
    other = project.with_variables(ENVBUILD_JOBS="2")
    assert "done in" in other.succeed("build").out
    assert "done in" not in other.succeed("build").out
    # The settings in the file are looked at like any other input.
    project.write({"envbuild.yaml": project.contents()["envbuild.yaml"] + b"build: {jobs: 0}\n"})
    assert "`jobs` must be at least 1" in project.fail(2, "build")
