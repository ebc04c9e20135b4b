"""`envbuild init`: a workspace that builds at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.makers.project import Project

SCAFFOLD = ["BUILD.yaml", "envbuild.yaml", "main.py", "requirements.in"]


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    """An empty folder."""
    return Project(tmp_path)


# The package clients' own configuration lies in the environment and in the real home.
@pytest.mark.network
def test_init_and_build(empty: Project) -> None:
    made = empty.environment
    machine = {name: value for name, value in os.environ.items() if not name.startswith("ENVBUILD_")}
    empty = empty.with_variables(**{**machine, "TMPDIR": made["TMPDIR"], "XDG_CACHE_HOME": str(empty.top)})
    outcome = empty.succeed("init")
    assert "run `envbuild build`" in outcome.out
    assert sorted(empty.contents()) == sorted([*SCAFFOLD, "app.lock.json", "python.lock.json"])
    targets = empty.succeed("build", "--output", "json").json["targets"]
    assert [(each["label"], each["status"]) for each in targets] == [
        ("//:app", "built"),
        ("//:python", "built"),
    ]
    # A second one would overwrite what is there.
    assert empty.fail(2, "init") == "error: `envbuild.yaml` is there already\nhint: choose another folder\n"


@pytest.mark.parametrize("name", SCAFFOLD)
def test_init_overwrites_nothing(empty: Project, name: str) -> None:
    empty.write({f"made/{name}": "mine"})
    assert (
        empty.fail(2, "init", "made")
        == f"error: `made/{name}` is there already\nhint: choose another folder\n"
    )
    assert empty.contents() == {f"made/{name}": b"mine"}
