"""What is in a definition digest, and what is not (docs/digests.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.digest import Digest
from envbuild.core.errors import Location
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.graph.analyze import Settings
from envbuild.lock.model import Index, Locked
from envbuild.rule import conda, dockerfile
from envbuild.rule.declared import DeclaredAction
from envbuild.spec.requirements import Requirements
from tests.makers.targets import AMD64, ARM64, BOOKWORM, EPOCH, RULES, World, make_file, make_locked

LIBC, PYTHON = make_locked("libc6", "2.36", kind="deb"), make_locked("python3.11", "3.11.2", kind="deb")
NUMPY, SIX = make_locked("numpy", "2.0"), make_locked("six", "1.17")
GIT = make_locked("git", "2.0", kind="deb")
ENVIRONMENT: dict[str, Any] = {
    "files": (make_file("/app/main.py"), make_file("/app/run")),
    "variables": {"A": "1", "B": "2"},
    "workdir": "/app",
    "user": "1000",
    "entrypoint": ("python", "-u"),
    "command": ("/app/main.py",),
    "labels": {"team": "ours"},
    "prefix": "/opt/env",
    "compile": False,
}


def environment(
    wheels: tuple[Locked, ...] = (NUMPY, SIX),
    settings: Settings | None = None,
    *,
    debs: tuple[Locked, ...] = (LIBC, PYTHON),
    facts: dict[str, str] | None = None,
    **more: Any,
) -> str:
    """The definition of an environment on a base."""
    world = World() if settings is None else World(settings=settings)
    platforms = more.get("platforms", (AMD64,))
    base = world.debian(debs=debs, facts=facts or BOOKWORM, platforms=platforms)
    return world.configure(world.environment("app", wheels, base=base, **{**ENVIRONMENT, **more})).definition


def debian(debs: tuple[Locked, ...] = (LIBC, PYTHON), **more: Any) -> str:
    world = World()
    return world.configure(world.debian("base", debs, **more)).definition


def artifact(**changes: Any) -> tuple[Locked, ...]:
    return (replace(NUMPY, **changes), SIX)


CHANGES: dict[str, Callable[[], str]] = {
    "a wheel's contents": lambda: environment(artifact(sha256="0" * 64)),
    "a wheel's name, which says what it holds": lambda: environment(
        artifact(file="numpy-2.0-cp311-cp311-any.whl")
    ),
    "a wheel more": lambda: environment((NUMPY, SIX, make_locked("requests"))),
    "a wheel less": lambda: environment((SIX,)),
    "a deb less": lambda: environment(debs=(LIBC,)),
    "the base's Python": lambda: environment(facts={**BOOKWORM, "python": "3.11.9"}),
    "the base's interpreter": lambda: environment(facts={**BOOKWORM, "interpreter": "/usr/local/bin/python"}),
    "a Debian package": lambda: environment((NUMPY, SIX, GIT)),
    "a Debian package's contents": lambda: environment((NUMPY, SIX, replace(GIT, sha256="0" * 64))),
    "a file's contents": lambda: environment(files=(make_file("/app/main.py", b"y"), make_file("/app/run"))),
    "a file's place": lambda: environment(files=(make_file("/app/main"), make_file("/app/run"))),
    "a file's executable bit": lambda: environment(
        files=(make_file("/app/main.py"), make_file("/app/run", executable=True))
    ),
    "a file less": lambda: environment(files=(make_file("/app/main.py"),)),
    "no file": lambda: environment(files=()),
    "a variable": lambda: environment(variables={"A": "1", "B": "3"}),
    "values of two variables exchanged": lambda: environment(variables={"A": "2", "B": "1"}),
    "an empty variable": lambda: environment(variables={"A": "1", "B": "2", "C": ""}),
    "workdir": lambda: environment(workdir="/"),
    "user": lambda: environment(user="1001"),
    "no user": lambda: environment(user=None),
    "the entrypoint's words": lambda: environment(entrypoint=("python -u",)),
    "the order of the entrypoint": lambda: environment(entrypoint=("-u", "python")),
    "the border of entrypoint and command": lambda: environment(
        entrypoint=("python", "-u", "/app/main.py"), command=()
    ),
    "a label": lambda: environment(labels={"team": "theirs"}),
    "prefix": lambda: environment(prefix="/opt/other"),
    "bytecode": lambda: environment(compile=True),
    "bytecode by another interpreter": lambda: environment(
        compile=True, debs=(LIBC, replace(PYTHON, sha256="0" * 64))
    ),
    "the platform": lambda: environment(platforms=(ARM64,)),
    "one platform more": lambda: environment(platforms=(AMD64, ARM64)),
    "the time of files": lambda: environment(settings=Settings((Index("pypi", ""),), EPOCH + 1)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_one_thing_is_another_image(what: str) -> None:
    assert CHANGES[what]() != environment()


def test_every_change_is_an_image_of_its_own() -> None:
    digests = [change() for change in CHANGES.values()]
    assert len(set(digests)) == len(digests)


def test_every_attribute_of_the_environment_is_judged() -> None:
    """One that is new belongs into CHANGES, or here with the reason why it changes no byte."""
    through_the_lock = {"pip", "wheels", "sdists", "sdist_base", "python", "libc", "base"}
    through_the_lock |= {"apt", "apt_suite", "apt_components", "apt_source"}
    through_its_dockerfile = {*dockerfile.ATTRIBUTES}  # what they change is in the base's actions
    through_its_conda_packages = {*conda.ATTRIBUTES}  # there are none here: tests/cli/test_conda.py
    judged = {
        *ENVIRONMENT,
        *through_the_lock,
        *through_its_dockerfile,
        *through_its_conda_packages,
        "platforms",
    }
    assert judged == set(RULES["environment"].attributes)


@pytest.mark.parametrize(
    "changed",
    [
        {"debs": (LIBC,)},
        {"debs": (replace(LIBC, sha256="0" * 64), PYTHON)},
        {"variables": {"A": "1"}},
        {"platforms": (ARM64,)},
    ],
)
def test_a_change_of_a_base(changed: dict[str, Any]) -> None:
    assert debian(**changed) != debian()


# Not in it.


def test_where_artifacts_come_from_is_not_what_they_are() -> None:
    moved = artifact(source="mirror", requires=("six",), extras=("extra",), notes=("a note",))
    assert environment(moved) == environment()
    assert debian(source="mirror") == debian()


def test_names_and_places_of_targets() -> None:
    world = World()
    label = world.environment("one", [NUMPY], files=(make_file("/x"),))
    before = world.configure(label).definition
    other = Label("deep/er", "two")
    elsewhere = replace(make_file("/x"), path=Path("/elsewhere/y"))
    world.targets[other] = replace(
        world.targets[label], label=other, location=Location("deep/er/BUILD.yaml", 9, 9)
    )
    world.locks[other] = world.locks[label]
    world.restate(other, files=(elsewhere,))
    assert world.configure(other).definition == before


@given(st.permutations([make_file(f"/app/{name}") for name in "abc"]), st.permutations(["A", "B", "C"]))
def test_orders_that_mean_nothing(files: list[Any], names: list[str]) -> None:
    variables = dict.fromkeys(names, "x")
    ordered = environment(
        files=tuple(make_file(f"/app/{n}") for n in "abc"), variables=dict.fromkeys("ABC", "x")
    )
    assert environment((SIX, NUMPY), files=tuple(files), variables=variables) == ordered


def test_how_requirements_are_written() -> None:
    world = World()
    label = world.environment("app", [NUMPY])
    before = world.configure(label).definition
    world.restate(label, pip=Requirements(requirements=("numpy>=1.0", "numpy<3")))
    assert world.configure(label).definition == before


# What moves with what.


def actions_by_owner(wheels: tuple[Locked, ...], **more: Any) -> dict[str, DeclaredAction]:
    world = World()
    image = world.configure(world.environment("app", wheels, **more)).images[AMD64]
    return {part.owner: part.action for layer in image.layers for part in layer.parts}


@given(st.sets(st.sampled_from("abcdefgh"), min_size=1), st.data())
def test_removing_one_package_leaves_all_others_as_they_were(names: set[str], data: st.DataObject) -> None:
    removed = data.draw(st.sampled_from(sorted(names)))
    wheels = tuple(make_locked(name, size=data.draw(st.integers(1, 10**8))) for name in sorted(names))
    before = actions_by_owner(wheels)
    after = actions_by_owner(tuple(wheel for wheel in wheels if wheel.name != removed))
    assert before.keys() - after.keys() == {f"{removed} 1.0"}
    assert all(before[owner] == action for owner, action in after.items())


def test_configuration_moves_no_layer() -> None:
    plain, changed = actions_by_owner((NUMPY,)), actions_by_owner((NUMPY,), variables={"A": "1"})
    assert plain == changed


def test_platforms_share_what_is_the_same_for_both() -> None:
    world = World()
    label = world.environment("app", [NUMPY], platforms=(AMD64, ARM64))
    images = world.configure(label).images
    layers: dict[Platform, list[str]] = {
        each: [layer.action.definition for layer in image.layers] for each, image in images.items()
    }
    assert layers[AMD64] == layers[ARM64]
    assert images[AMD64].action != images[ARM64].action


def test_a_definition_is_a_sha256() -> None:
    assert Digest.parse(environment(), 0).hash == environment().removeprefix("sha256:")
