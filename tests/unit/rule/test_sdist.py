"""Builds from source as actions: their roots, their keys, and what becomes of the wheel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.lock.model import Build, Json, Locked
from envbuild.rule.declared import DeclaredAction, Fetched, Output, walk
from envbuild.spec.attribute import UserInterpreter
from envbuild.spec.dockerfile.parse import parse_dockerfile
from tests.makers.targets import AMD64, BOOKWORM, World, make_base_image, make_locked

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


def variables_of(action: DeclaredAction) -> Mapping[str, Json]:
    variables = action.parameters["environment"]
    assert isinstance(variables, dict)
    return variables


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
    variables = variables_of(step(world, declare(world, world.image())))
    assert variables["LANG"] == "C.UTF-8"
    assert variables["PATH"] == "/.build/env/bin:/usr/bin"
    assert variables["SOURCE_DATE_EPOCH"] == "315532800"


def build_in(world: World, image: Label, base: Label, name: str = "app") -> DeclaredAction:
    """The step of an environment on one base that is built in another image."""
    return step(world, declare(world, base, name, sdist_base=image))


def test_another_image_is_the_root(world: World, base: Label) -> None:
    image = world.debian("build", [LIBC, GCC], variables={"CC": "gcc"})
    action = build_in(world, image, base)
    below = ["debian-root", "libc6 2.36", "gcc 12", "debian-state"]
    assert root_of(action) == [*below, "venv", "setuptools 70.0", "my-app 1.0 source"]
    assert variables_of(action)["CC"] == "gcc"


def test_nothing_of_it_is_in_the_image(world: World, base: Label) -> None:
    """Only the wheel changes: with equal bytes of it, nothing else does."""
    image = world.debian("build", [LIBC, GCC], variables={"CC": "gcc"})
    labels = declare(world, base, "plain"), declare(world, base, "other", sdist_base=image)
    known, other = (world.configure(label).images[AMD64] for label in labels)
    assert [each.packages for each in other.layers] == [each.packages for each in known.layers]
    same = [each.packages for each in other.layers if each in known.layers]
    assert same == [each.packages for each in known.layers if "my-app 1.0" not in each.packages]
    assert (other.config, other.debian) == (known.config, known.debian)


def test_an_environment_as_it_is(world: World, base: Label) -> None:
    """What it adds to a base is there, whatever it stands on, and its programs are found."""
    parent = world.environment("parent", [make_locked("pandas")], base=base)
    tools = world.environment("tools", [GCC, make_locked("cmake")], base=parent)
    action = build_in(world, tools, base)
    owners = root_of(action)
    assert [each for each in owners if each in ("pandas 1.0", "gcc 12", "cmake 1.0")] == [
        "pandas 1.0",
        "gcc 12",
        "cmake 1.0",
    ]
    assert str(variables_of(action)["PATH"]).startswith("/.build/env/bin:/opt/env/bin:")


def test_an_image_of_a_registry_on_scratch(world: World) -> None:
    label = world.environment(
        "app", [APP, SIX], sdists=("my-app",), sdist_base=world.image(), libc="glibc 2.36", python="3.11"
    )
    world.lock_builds(label, my_app=BUILD)
    made = (each for each in walk(step(world, label)) if each.mnemonic == "VenvLayer")
    assert [each.parameters["interpreter"] for each in made] == ["/usr/bin/python3.11"]
    assert actions(world, label, "CheckLibraries") == []


def test_the_fitting_interpreter_of_several_is_taken(world: World, base: Label) -> None:
    plain = make_base_image()
    facts = {**plain.facts, "python": "3.12.1", "interpreter": "/usr/local/bin/python3.12"}
    others = {"interpreters": "/usr/bin/python3.11=3.11.9"}
    image = world.image(base=replace(plain, facts={**facts, **others}))
    venvs = (each for each in walk(build_in(world, image, base)) if each.mnemonic == "VenvLayer")
    assert {each.parameters["version"] for each in venvs} == {"3.11.9"}


FACTS = {
    "another Python": ({"python": "3.12.1"}, "Python 3.11, but its `sdist_base` `//:build` has 3.12.1"),
    "no Python": ({"python": ""}, "but its `sdist_base` `//:build` has none"),
    "a later C library": ({"libc": "glibc 2.41"}, "has `glibc 2.41`, and the target `glibc 2.36`"),
    "another C library": ({"libc": "musl 1.2"}, "has `musl 1.2`, and the target `glibc 2.36`"),
}


@pytest.mark.parametrize("case", FACTS)
def test_what_does_not_fit(world: World, base: Label, case: str) -> None:
    changed, said = FACTS[case]
    facts = {name: value for name, value in {**BOOKWORM, **changed}.items() if value}
    image = world.debian("build", [LIBC], facts if "python" in facts else {"libc": facts["libc"]})
    label = world.declare("environment", "app", base=base, sdists=("x",), sdist_base=image)
    with pytest.raises(SpecError) as caught:
        world.analyzer.question(label, AMD64)
    assert said in caught.value.message
    assert caught.value.location is not None


def test_an_earlier_c_library_and_another_patch_fit(world: World, base: Label) -> None:
    image = world.debian("build", [LIBC], {**BOOKWORM, "libc": "glibc 2.31", "python": "3.11.9"})
    assert build_in(world, image, base).subject == "my-app 1.0"


def test_what_steps_made_is_compared_before_it_builds(world: World, base: Label) -> None:
    dockerfile = parse_dockerfile(b"FROM base\nRUN install gcc\n", "Dockerfile")
    image = world.declare("dockerfile_image", "build", dockerfile=dockerfile, contexts={"base": base})
    action = build_in(world, image, base)
    (checked,) = [item for path, item in action.inputs.items() if path.startswith("checks/")]
    assert isinstance(checked, Output)
    assert (checked.action.mnemonic, checked.action.subject) == ("CheckFacts", "//:build")
    assert checked.action.parameters["python"] == BOOKWORM["python"]


def test_the_libraries_of_what_is_built_there_are_looked_for(world: World, base: Label) -> None:
    """In all that is in the image, and only if it was built in another one."""
    labels = declare(world, base, "plain"), declare(world, base, "other", sdist_base=base)
    assert actions(world, labels[0], "CheckLibraries") == []
    (check,) = actions(world, labels[1], "CheckLibraries")
    (taken,) = actions(world, labels[1], "TakeWheel")
    listed = [each for path, each in check.inputs.items() if path.startswith("layers/")]
    subjects = [each.action.subject for each in listed if isinstance(each, Output)]
    assert set(subjects) == {"debian-root", "libc6 2.36", "debian-state", "venv", "my-app 1.0", "six 1.0"}
    assert check.inputs["wheels/000"] == taken.output("wheel")
    assert check.parameters == {"owners": ["my-app 1.0"]}


def test_the_libraries_of_an_image_of_a_registry_are_read_in_its_layers(world: World) -> None:
    image = world.image()
    (check,) = actions(world, declare(world, image, sdist_base=image), "CheckLibraries")
    assert [each.mnemonic for each in walk(check)].count("ListLayer") == 2


def test_where_nothing_may_be_built(world: World, base: Label) -> None:
    label = world.declare("environment", "app", base=base, sdist_base=world.image())
    with pytest.raises(SpecError, match="`sdist_base` without `sdists`"):
        world.analyzer.question(label, AMD64)


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
