"""Every example builds from its committed lock, and the report says what was built."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Built, Sources
from tests.makers.examples import (
    BASE,
    EXAMPLES,
    HELLO,
    OWN_PYTHON,
    PRIMES,
    SKLEARN,
    locked_artifacts,
    use_sources,
)
from tests.makers.project import Project

pytestmark = pytest.mark.network


def test_no_example_is_forgotten(project: Project) -> None:
    assert tuple(project.succeed("query", "//...").out.split()) == EXAMPLES


def test_all_are_built(built: Built) -> None:
    assert tuple(built.targets) == EXAMPLES
    assert {target["status"] for target in built.targets.values()} == {"built"}
    assert built.project.images() == sorted(built.name(label) for label in EXAMPLES)
    assert built.project.leftovers() == []


@pytest.mark.parametrize("label", EXAMPLES)
def test_image_is_valid(built: Built, label: str) -> None:
    image = built.image(label)
    assert image.digest == built.digest(label)
    assert image.violations() == ()


@pytest.mark.parametrize("label", EXAMPLES)
def test_report_agrees_with_manifests(built: Built, label: str) -> None:
    target, image = built.targets[label], built.image(label)
    assert [each["platform"] for each in target["platforms"]] == list(image.manifests)
    for report in target["platforms"]:
        manifest, config = image.manifest(report["platform"]), image.config(report["platform"])
        assert report["digest"] == image.manifests[report["platform"]]["digest"]
        layers = report["layers"]
        stated = [(layer["digest"], layer["size"]) for layer in manifest["layers"]]
        assert [(layer["digest"], layer["size"]) for layer in layers] == stated
        assert [layer["diff_id"] for layer in layers] == config["rootfs"]["diff_ids"]


@pytest.mark.parametrize("label", EXAMPLES)
def test_image_is_named_by_its_definition(built: Built, label: str) -> None:
    target, image = built.targets[label], built.image(label)
    assert target["image"] == f"envs/env_{target['definition'].removeprefix('sha256:')[:32]}"
    annotations = image.document(image.root)["annotations"]
    assert annotations == {"dev.envbuild.definition": target["definition"]}


def test_layers_hold_what_is_locked(built: Built) -> None:
    (platform,) = built.targets[SKLEARN]["platforms"]
    packages = sorted(package for layer in platform["layers"] for package in layer["packages"])
    base = built.targets[BASE]["platforms"][0]
    below = [package for layer in base["layers"] for package in layer["packages"]]
    locked = locked_artifacts(built.project, "examples/sklearn/train")
    assert len(locked) > 50
    assert packages == sorted([*below, "venv", "files", *(f"{a['name']} {a['version']}" for a in locked)])


def test_layers_of_sklearn_are_neither_few_nor_many(built: Built) -> None:
    (platform,) = built.targets[SKLEARN]["platforms"]
    assert 10 <= len(platform["layers"]) <= 25


def test_environments_share_the_layers_of_their_base(built: Built) -> None:
    base = [layer["digest"] for layer in built.targets[BASE]["platforms"][0]["layers"]]
    for label in built.project.succeed("query", f"rdeps(//..., {BASE})").out.split():
        target = built.targets[label]
        assert [layer["digest"] for layer in target["platforms"][0]["layers"]][: len(base)] == base


def test_a_tool_is_built_and_installed_by_steps(built: Built) -> None:
    project = built.project
    assert project.succeed("run", PRIMES).out.split() == ["2", "3", "5", "7", "11", "13", "17", "19"]
    assert project.succeed("run", PRIMES, "--", "4").out.split() == ["2", "3"]
    check = ["--entrypoint", "sh", PRIMES, "--", "/usr/local/share/primes/check.sh"]
    assert project.succeed("run", *check).out == "the same as when it was built\n"


def test_an_interpreter_that_is_used_as_it_is(built: Built) -> None:
    shown = built.project.succeed("run", OWN_PYTHON).out
    assert ["python", "/usr/bin/python3"] in [line.split() for line in shown.splitlines()]
    config = built.image(OWN_PYTHON).config("linux/amd64")
    assert not any(entry.startswith("PATH=/opt") for entry in config["config"].get("Env", ()))


def test_building_again_does_nothing(built: Built) -> None:
    again = built.project.succeed("build", "//...", "--no-memo", "--output", "json").json["targets"]
    assert {target["status"] for target in again} == {"exists"}
    assert [target["digest"] for target in again] == list(map(built.digest, EXAMPLES))
    assert all(target["actions"]["executed"] == 0 for target in again)


def test_committed_locks_are_fresh(project: Project) -> None:
    assert project.succeed("lock", "--check", "//...").out == "locks are fresh\n"


def test_locking_again_changes_nothing(built: Built, project: Project, sources: Sources) -> None:
    # A fresh lock asks nobody; one that is made anew from the same pins has the same bytes.
    before = project.contents()
    asked = len(sources.asked)
    connected = use_sources(project, sources.url)
    assert [each["written"] for each in _lock(connected, "//...")] == [False] * len(EXAMPLES)
    assert len(sources.asked) == asked
    (project.root / "examples/hello/hello.lock.json").unlink()
    assert [each["written"] for each in _lock(connected, HELLO)] == [False, True]
    changed = {path for path, content in project.contents().items() if before[path] != content}
    assert changed == {"envbuild.yaml"}


def _lock(project: Project, pattern: str) -> list[dict[str, object]]:
    targets = json.loads(project.succeed("lock", pattern, "--output", "json").out)["targets"]
    assert isinstance(targets, list)
    return targets
