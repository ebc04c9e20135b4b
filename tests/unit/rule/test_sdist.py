"""Builds from source as actions: their roots, their keys, and what becomes of the wheel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.lock.model import Build, Locked
from envbuild.rule.declared import DeclaredAction, Fetched, Output, walk
from envbuild.spec.attribute import UserInterpreter
from tests.makers.targets import AMD64, World, make_locked

LIBC, GCC = make_locked("libc6", "2.36", kind="deb"), make_locked("gcc", "12", kind="deb")
TOOL, OTHER_TOOL = make_locked("setuptools", "70.0"), make_locked("setuptools", "71.0")
SIX, APP = make_locked("six"), make_locked("my-app", kind="sdist")
BUILD = Build("tool.build:hooks", ("tools",), ("setuptools",), (TOOL,))


def declare(world: World, base: Label, name: str = "app", build: Build = BUILD, **more: object) -> Label:
    """An environment of a wheel and of a package that is built."""
    label = world.environment(name, [APP, SIX], base=base, sdists=("My_App",), **more)
    return world.lock_builds(label, my_app=build)


def actions(world: World, label: Label, mnemonic: str) -> list[DeclaredAction]:
    image = world.configure(label).images[AMD64]
    return [each for each in walk(image.action) if each.mnemonic == mnemonic]


def step(world: World, label: Label) -> DeclaredAction:
    (found,) = actions(world, label, "BuildWheel")
    return found


def root_of(action: DeclaredAction) -> list[str]:
    """What the layers of an action's root are of, from the bottom up."""
    found = (item for path, item in sorted(action.inputs.items()) if path.startswith("root/"))
    return [item.action.subject for item in found if isinstance(item, Output)]


def test_the_root_is_the_interpreter_and_what_builds(world: World, base: Label) -> None:
    """Nothing of the environment is in it, so nothing of the environment is in its key."""
    action = step(world, declare(world, base))
    below = ["debian-root", "libc6 2.36", "debian-state"]
    assert root_of(action) == [*below, "venv", "setuptools 70.0", "my-app 1.0 source"]
    assert action.parameters["argv"] == [
        *("/.build/env/bin/python", "-s", "/dev/build/wheel.py"),
        *("/.build", "/.build/sdist.tar.gz", "tool.build:hooks", "tools"),
    ]
    assert (action.parameters["network"], action.subject) == (False, "my-app 1.0")
    assert not action.impure


def test_debian_packages_of_the_environment_are_there(world: World, base: Label) -> None:
    label = world.environment("app", [APP, GCC], base=base, sdists=("my-app",))
    world.lock_builds(label, my_app=BUILD)
    assert "gcc 12" in root_of(step(world, label))


def test_an_environment_s_child_builds_as_any_other(world: World, base: Label) -> None:
    parent = world.environment("parent", [make_locked("pandas")], base=base)
    assert step(world, declare(world, parent)) == step(world, declare(world, base, "alone"))


def test_the_wheel_is_an_input_like_any_other(world: World, base: Label) -> None:
    label = declare(world, base, compile=True)
    (taken,) = actions(world, label, "TakeWheel")
    wheels = {each.subject: each for each in actions(world, label, "WheelLayer")}
    assert wheels["my-app 1.0"].inputs["wheel"] == taken.output("wheel")
    assert wheels["six 1.0"].inputs["wheel"] == Fetched(SIX)
    compiled = {each.subject: each for each in actions(world, label, "Bytecode")}
    assert compiled["my-app 1.0"].inputs["mounts/0/wheel"] == taken.output("wheel")
    assert world.configure(label).images[AMD64].pins.keys() == {"my-app", "six"}


@pytest.mark.parametrize(
    "build",
    [
        replace(BUILD, wheels=(OTHER_TOOL,)),
        replace(BUILD, backend="other"),
        replace(BUILD, path=()),
    ],
)
def test_what_changes_its_key(world: World, base: Label, build: Build) -> None:
    assert step(world, declare(world, base)) != step(world, declare(world, base, "other", build))


def test_what_changes_nothing(world: World, base: Label) -> None:
    """How the requirements are worded that came to these wheels."""
    other = replace(BUILD, requires=("setuptools>=61",))
    assert step(world, declare(world, base)) == step(world, declare(world, base, "other", other))


def test_the_variables_of_the_base_are_there(world: World) -> None:
    variables = step(world, declare(world, world.image())).parameters["environment"]
    assert isinstance(variables, dict)
    assert variables["LANG"] == "C.UTF-8"
    assert variables["PATH"] == "/.build/env/bin:/usr/bin"
    assert variables["SOURCE_DATE_EPOCH"] == "315532800"


@pytest.mark.parametrize("below", [True, False])
def test_without_an_interpreter(world: World, below: bool) -> None:
    more = {"base": world.environment("parent", [make_locked("pandas")])} if below else {}
    label = world.environment("app", [APP, SIX], sdists=("my-app",), **more)
    world.lock_builds(label, my_app=BUILD)
    with pytest.raises(SpecError, match="there is no interpreter to build `my-app` with"):
        world.configure(label)


def test_where_nothing_of_python_is_added(world: World, base: Label) -> None:
    own = UserInterpreter("/usr/bin/python3.11", managed=False)
    label = world.declare("environment", "own", base=base, sdists=("x",), interpreter=own)
    with pytest.raises(SpecError, match="it states `sdists`, but its interpreter is not managed"):
        world.analyzer.question(label, AMD64)


def test_a_package_that_is_a_wheel_by_now(world: World, base: Label) -> None:
    wheel: Locked = make_locked("my-app")
    label = world.environment("app", [wheel, SIX], base=base, sdists=("my-app",))
    assert actions(world, label, "BuildWheel") == []
