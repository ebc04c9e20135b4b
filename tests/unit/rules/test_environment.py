"""The rule `environment`: what it takes from its base, what it adds, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.core.platform import Libc
from envbuild.lock.model import DebianQuestion, PythonQuestion, Questions
from envbuild.rule import builtins
from envbuild.rule.declared import Fetched, SourceFile
from envbuild.spec.attribute import UserInterpreter
from envbuild.spec.wheels import LocalWheel
from tests.makers.targets import (
    AMD64,
    BOOKWORM,
    World,
    image_of,
    make_base_image,
    make_file,
    make_locked,
    owners,
)

LIBC = make_locked("libc6", "2.36", kind="deb")
NUMPY, PANDAS = make_locked("numpy", "2.0"), make_locked("pandas", "3.0")
GIT = make_locked("git", "2.0", kind="deb")
STATED: dict[str, Any] = {
    "workdir": "/w",
    "user": "1000",
    "entrypoint": ("python",),
    "command": ("-V",),
}
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def refusal(world: World, label: Label) -> str:
    with pytest.raises(SpecError) as caught:
        world.analyzer.question(label, AMD64)
    assert caught.value.location is not None
    return f"{caught.value.message}; {caught.value.hint}"


def test_layers_from_the_bottom_up(world: World, base: Label) -> None:
    label = world.environment(packages=[NUMPY], base=base, files=(make_file("/app/x"),))
    assert owners(image_of(world, label)) == [
        ("debian-root",),
        ("libc6 2.36",),
        ("debian-state",),
        ("venv",),
        ("numpy 2.0",),
        ("files",),
    ]


# Debian packages move least: they lie below what is Python's.
def test_debian_packages_lie_on_the_base(world: World, base: Label) -> None:
    label = world.environment(packages=[NUMPY, GIT], base=base)
    image = image_of(world, label)
    assert owners(image)[2:] == [
        ("debian-state",),
        ("git 2.0",),
        ("debian-state",),
        ("venv",),
        ("numpy 2.0",),
    ]
    addition = image.layers[4].action
    assert addition.builtin == builtins.DEBIAN_ADDITION
    assert addition.inputs == {"base/0000": Fetched(LIBC), "added/0000": Fetched(GIT)}
    assert image.pins == {"numpy": NUMPY}
    assert image.debian is not None
    assert image.debian.packages == {"libc6": "2.36", "git": "2.0"}


def test_debian_packages_are_asked_beside_those_of_the_base(world: World) -> None:
    base = world.debian(debs=[LIBC], suite="trixie", components=("main", "contrib"), source="mirror")
    question = world.analyzer.question(
        world.declare("environment", "app", base=base, apt=("b", "a=1")), AMD64
    )
    assert isinstance(question, Questions)
    python, debian = question.parts
    assert isinstance(python, PythonQuestion)
    expected = DebianQuestion(
        source="mirror",
        suite="trixie",
        components=("main", "contrib"),
        packages=("a=1", "b"),
        essential=False,
        platform=AMD64,
        installed={"libc6": "2.36"},
    )
    assert debian == expected
    stated = {"apt_suite": "sid", "apt_components": ("main",), "apt_source": "other"}
    child = world.declare("environment", "child", base=base, apt=("b", "a=1"), **stated)
    question = world.analyzer.question(child, AMD64)
    assert isinstance(question, Questions)
    assert question.parts[1] == replace(expected, suite="sid", components=("main",), source="other")


def test_debian_packages_on_an_image_of_a_registry(world: World) -> None:
    plain = make_base_image()
    rows = ("libc6 2.36 amd64", "libc6 2.35 i386", "tzdata 1:2026a all", "odd 1 2 3", "bad version! all")
    known = replace(plain, packages=rows, facts={**plain.facts, "suite": "bookworm"})
    base = world.image(base=replace(known, root=replace(plain.root, links={}, alternatives={"awk": 5})))
    label = world.environment(packages=[GIT], base=base)
    question = world.analyzer.question(label, AMD64)
    assert isinstance(question, Questions)
    assert question.parts[1] == DebianQuestion(
        source="debian",
        suite="bookworm",
        components=("main",),
        packages=("git",),
        essential=False,
        platform=AMD64,
        installed={"libc6": "2.36", "tzdata": "1:2026a"},
        by_image=True,
    )
    package, addition, _ = image_of(world, label).layers
    assert package.action.parameters["merged_usr"] is False
    assert addition.action.parameters["kept"] == ["accounts"]
    assert addition.action.parameters["alternatives"] == {"awk": 5}


# As its own apt has it, but where the target states otherwise.
@pytest.mark.parametrize(
    ("stated", "asked"),
    [
        ({}, ("noble noble-security", ("main", "universe"), True, ("/etc/apt/preferences",))),
        ({"apt_suite": "noble"}, ("noble", ("main", "universe"), False, ())),
        ({"apt_components": ["main"]}, ("noble noble-security", ("main",), True, ("/etc/apt/preferences",))),
    ],
)
def test_an_image_that_tells_its_suites(
    world: World, stated: dict[str, object], asked: tuple[object, ...]
) -> None:
    told = {
        "suites": "noble noble-security",
        "components": "main universe",
        "left_out": "/etc/apt/preferences",
    }
    plain = make_base_image()
    facts = {**plain.facts, "suite": "noble", **told}
    base = world.image(base=replace(plain, packages=("libc6 2.36 amd64",), facts=facts))
    below = world.environment("below", [GIT], base=base)
    # What stands on what stands on the image asks in the same way.
    for each in (base, below):
        label = world.declare("environment", "app", base=each, apt=["vim"], **stated)
        question = world.analyzer.question(label, AMD64)
        parts = question.parts if isinstance(question, Questions) else (question,)
        (debian,) = (part for part in parts if isinstance(part, DebianQuestion))
        assert (debian.suite, debian.components, debian.by_image, debian.left_out) == asked


def test_without_packages_and_files_there_are_no_layers_for_them(world: World) -> None:
    assert owners(image_of(world, world.environment())) == [("venv",)]


def test_on_scratch_the_facts_are_stated(world: World) -> None:
    facts = image_of(world, world.environment()).facts
    assert facts.libc == Libc("glibc", (2, 36))
    assert facts.python
    assert (facts.python.version, facts.python.path) == ("3.11", "")


def test_the_base_tells_the_facts(world: World, base: Label) -> None:
    question = world.analyzer.question(world.declare("environment", "app", base=base), AMD64)
    assert isinstance(question, PythonQuestion)
    assert question.facts.libc == Libc("glibc", (2, 36))
    assert question.facts.python
    assert question.facts.python.version == "3.11.2"


@pytest.mark.parametrize("python", ["3", "3.11", "3.11.2"])
def test_a_version_that_the_base_has(world: World, base: Label, python: str) -> None:
    label = world.environment(base=base, python=python, libc="glibc 2.36")
    assert image_of(world, label).facts == image_of(world, base).facts


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        # 3.1 is no beginning of 3.11.
        ({"python": "3.1"}, "it asks for Python 3.1, but its base `//:base` has 3.11.2; change `python`"),
        ({"libc": "musl 1.2"}, "it states `musl 1.2`, but its base `//:base` has `glibc 2.36`; leave `libc`"),
        ({"libc": "banana"}, "unknown libc `banana`; write `glibc 2.36`"),
        ({"prefix": "opt/env"}, "`opt/env` is no prefix; write an absolute path such as `/opt/env`"),
        ({"prefix": "/"}, "`/` is no prefix"),
        ({"prefix": "/opt/../etc"}, "`/opt/../etc` is no prefix"),
        ({"prefix": "/my env"}, "`/my env` is no prefix"),
    ],
)
def test_what_contradicts_the_base_or_makes_no_sense(
    world: World, base: Label, attributes: dict[str, object], message: str
) -> None:
    label = world.declare("environment", "app", base=base, **attributes)
    assert refusal(world, label).startswith(f"`//:app`: {message}")


def test_a_base_without_python(world: World) -> None:
    base = world.debian(debs=[LIBC], facts={"libc": "glibc 2.36"})
    label = world.declare("environment", "app", base=base)
    assert "its base `//:base` has no Python; add a package" in refusal(world, label)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, "on `scratch`, nothing tells the target's C library and Python; state them"),
        ({"libc": "glibc 2.36"}, "on `scratch`, nothing tells"),
        ({"libc": "glibc 2.36", "python": "3"}, "`3` is no Python version; write one such as"),
        ({"libc": "glibc 2.36", "python": "../3.11"}, "`../3.11` is no Python version"),
    ],
)
def test_facts_missing_on_scratch(world: World, attributes: dict[str, object], message: str) -> None:
    label = world.declare("environment", "app", base="scratch", **attributes)
    assert f"`//:app`: {message}" in refusal(world, label)


# An environment on an environment.


def test_a_child_is_asked_against_its_parents_pins_and_has_one_skeleton(world: World, base: Label) -> None:
    parent = world.environment("parent", [NUMPY], base=base)
    child = world.environment("child", [PANDAS], base=parent)
    question = world.analyzer.question(child, AMD64)
    assert isinstance(question, PythonQuestion)
    assert question.pins == {"numpy": NUMPY}
    image = image_of(world, child)
    assert owners(image).count(("venv",)) == 1
    assert image.layers[: len(image_of(world, parent).layers)] == image_of(world, parent).layers
    assert image.pins == {"numpy": NUMPY, "pandas": PANDAS}


def test_a_child_shares_its_parents_prefix(world: World, base: Label) -> None:
    parent = world.environment("parent", base=base, prefix="/srv/env")
    assert image_of(world, world.environment("child", base=parent)).prefix == "srv/env"
    other = world.declare("environment", "other", base=parent, prefix="/opt/env")
    assert "its prefix `/opt/env` is not its base's `/srv/env`" in refusal(world, other)


# Configuration.


def test_what_is_not_stated_is_the_bases(world: World, base: Label) -> None:
    parent = world.environment("parent", base=base, labels={"a": "1"}, variables={"A": "1"}, **STATED)
    child = world.environment("child", base=parent, labels={"b": "2"}, variables={"B": "2"})
    inherited, config = image_of(world, parent).config, image_of(world, child).config
    for name in STATED:
        assert getattr(config, name) == getattr(inherited, name)
    assert config.labels == {"a": "1", "b": "2"}
    assert config.variables == {"PATH": f"/opt/env/bin:{SYSTEM}", "A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("name", "empty"), [("workdir", ""), ("user", ""), ("entrypoint", ()), ("command", ())]
)
def test_what_is_stated_to_be_empty_clears_the_bases(
    world: World, base: Label, name: str, empty: Any
) -> None:
    parent = world.environment("parent", base=base, **STATED)
    child = world.environment("child", **{"base": parent, name: empty})
    assert getattr(image_of(world, child).config, name) == empty


def test_a_new_entrypoint_drops_the_bases_command(world: World, base: Label) -> None:
    parent = world.environment("parent", base=base, entrypoint=("python",), command=("-V",))
    child = world.environment("child", base=parent, entrypoint=("sh",))
    assert image_of(world, child).config.command == ()


def test_the_prefix_comes_first_in_the_bases_path_and_only_once(world: World) -> None:
    base = world.debian(debs=[LIBC], variables={"PATH": "/custom:/bin"})
    parent = world.environment("parent", base=base)
    assert image_of(world, parent).config.variables["PATH"] == "/opt/env/bin:/custom:/bin"
    child = world.environment("child", base=parent)
    assert image_of(world, child).config.variables["PATH"] == "/opt/env/bin:/custom:/bin"
    own = world.environment("own", base=parent, variables={"PATH": "/mine"})
    assert image_of(world, own).config.variables["PATH"] == "/mine"


# Where bytes come from, and where they go.


def test_a_wheel_of_the_workspace_is_a_file_of_it(world: World) -> None:
    local = LocalWheel("wheels/mine-1.0-py3-none-any.whl", "ab" * 32, 7, "/somewhere/mine.whl")
    label = world.declare(
        "environment", "app", base="scratch", libc="glibc 2.36", python="3.11", wheels=(local,)
    )
    mine = replace(make_locked("mine", size=7), source="", file=local.file, sha256=local.sha256)
    world.lock(label, [mine], {"python": "3.11"})
    (part,) = (part for layer in image_of(world, label).layers for part in layer.parts if part.name == "mine")
    source = part.action.inputs["wheel"]
    assert isinstance(source, SourceFile)
    assert source.path == "/somewhere/mine.whl"
    assert part.action.parameters["file"] == "mine-1.0-py3-none-any.whl"


def test_a_wheel_of_an_index_is_fetched(world: World) -> None:
    image = image_of(world, world.environment(packages=[NUMPY]))
    assert image.layers[-1].action.inputs["wheel"] == Fetched(NUMPY)


@pytest.mark.parametrize("on_debian", [True, False])
def test_bin_is_a_link_only_where_the_base_says_so(world: World, base: Label, on_debian: bool) -> None:
    """Also through an environment in between."""
    parent = world.environment("parent", base=base) if on_debian else world.environment("parent")
    label = world.environment("child", base=parent, files=(make_file("/bin/tool"),))
    action = image_of(world, label).layers[-1].action
    assert action.builtin == builtins.FILES_LAYER
    assert action.parameters["merged_usr"] is on_debian


def test_the_base_knows_where_python_lies(world: World, base: Label) -> None:
    image = image_of(world, world.environment(base=base))
    assert image.layers[-1].action.parameters == {
        "prefix": "opt/env",
        "version": "3.11.2",
        "interpreter": BOOKWORM["interpreter"],
        "epoch": 315532800,
    }


# An interpreter of the user's own.

OWN = UserInterpreter("/usr/bin/python3", managed=False)


def test_an_interpreter_that_is_not_managed_gets_nothing(world: World, base: Label) -> None:
    label = world.declare("environment", "app", base=base, interpreter=OWN, files=(make_file("/app/x"),))
    image = image_of(world, label)
    assert owners(image) == [*owners(image_of(world, base)), ("files",)]
    assert image.config.variables == image_of(world, base).config.variables
    assert (image.prefix, image.config.command) == ("", ("/usr/bin/python3",))
    assert world.analyzer.question(label, AMD64) is None


def test_what_an_image_starts_is_as_stated(world: World, base: Label) -> None:
    label = world.declare("environment", "app", base=base, interpreter=OWN, command=("sh",))
    assert image_of(world, label).config.command == ("sh",)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"wheels": (LocalWheel("a-1-py3-none-any.whl", "ab" * 32, 7, "/a"),)}, "it states `wheels`"),
        ({"prefix": "/opt/x"}, "it states `prefix`"),
        ({"compile": True}, "it states `compile`"),
        ({"interpreter": UserInterpreter("/opt/python", managed=False)}, "not at `/opt/python`"),
        ({"interpreter": UserInterpreter("/opt/python")}, "write `path: /usr/bin/python3.11`"),
        ({"base": "scratch"}, "on `scratch` there is no interpreter"),
    ],
)
def test_what_no_unmanaged_interpreter_goes_with(
    world: World, base: Label, stated: dict[str, Any], said: str
) -> None:
    label = world.declare("environment", "app", **{"base": base, "interpreter": OWN, **stated})
    assert said in refusal(world, label)
