"""Programs in an image that is known: nothing is analysed again, and no change goes unseen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.makers.programs import runnable, write_runnable
from tests.makers.project import Project

ANALYSIS = "envbuild.graph.analyze"


@pytest.fixture
def known(project: Project) -> Project:
    """A workspace in which `:app` has run."""
    write_runnable(project, command=["sh", "-c", "echo first"])
    assert project.succeed("run", ":app").out == "first\n"
    return project


def loads_analysis(project: Project, *options: str) -> bool:
    """Whether a run of `:app` loads what analyses targets."""
    command = [sys.executable, "-X", "importtime", "-m", "envbuild", "run", *options, ":app"]
    ran = subprocess.run(
        command, cwd=project.root, env=project.environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "first\n"
    return ANALYSIS in ran.stderr


def test_nothing_is_analysed_again(known: Project) -> None:
    assert not loads_analysis(known)
    assert not loads_analysis(known, "--bare", "--workdir", "/")


def test_another_question_is_analysed(known: Project) -> None:
    assert loads_analysis(known, "--registry", "127.0.0.1:1")
    assert not loads_analysis(known, "--registry", "127.0.0.1:1")
    elsewhere = known.with_variables(ENVBUILD_JOBS="1")
    assert loads_analysis(elsewhere)
    assert "unknown platform" in known.fail(125, "run", "--platform", "linux/s390x", ":app")


@pytest.mark.parametrize("option", ["--events", "--profile"])
def test_what_is_told_of_a_run_is_told_again(known: Project, option: str) -> None:
    told = known.top / "told"
    assert loads_analysis(known, option, str(told))
    assert told.stat().st_size


def test_an_edit_is_seen(known: Project) -> None:
    known.write({"BUILD.yaml": runnable(command=["sh", "-c", "echo later"])})
    assert known.succeed("run", ":app").out == "later\n"
    known.write({"BUILD.yaml": runnable(command=["sh", "-c", "echo later"], pip=["nosuch"])})
    assert "hint: run `envbuild lock //:app`" in known.fail(125, "run", ":app")


def lose_images(cache: Path) -> None:
    shutil.rmtree(cache / "images")


def lose_layer(cache: Path) -> None:
    find_layer(cache).unlink()


def damage_layer(cache: Path) -> None:
    """One that is not unpacked: else nobody reads it."""
    layer = find_layer(cache)
    layer.chmod(0o644)
    layer.write_bytes(bytes(layer.stat().st_size))
    shutil.rmtree(cache / "roots")


def find_layer(cache: Path) -> Path:
    return max((cache / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)


def garble_memos(cache: Path) -> None:
    for path in (cache / "memo").iterdir():
        path.write_text(path.read_text().replace("linux/", "nowhere/"))


@pytest.mark.parametrize("harm", [lose_images, lose_layer, damage_layer, garble_memos])
def test_what_is_lost_is_made_again(known: Project, harm: Callable[[Path], None]) -> None:
    harm(known.cache)
    assert loads_analysis(known)
    assert not loads_analysis(known)
