"""The rule `debian_base`: which layers there are, and what children rely on."""

from __future__ import annotations

from envbuild.core.platform import Interpreter, Libc
from envbuild.lock.model import DebianQuestion
from envbuild.rule import builtins
from envbuild.rule.declared import Fetched
from tests.makers.targets import AMD64, ARM64, World, make_locked

LIBC, PYTHON = make_locked("libc6", "2.36", kind="deb"), make_locked("python3.11", "3.11.2", kind="deb")


def test_the_question() -> None:
    world = World()
    label = world.declare(
        "debian_base",
        "base",
        suite="bookworm",
        packages=("b", "a=1"),
        components=("main", "contrib"),
        source="mirror",
        essential=True,
        platforms=(ARM64,),
    )
    assert world.analyzer.question(label, ARM64) == DebianQuestion(
        source="mirror",
        suite="bookworm",
        components=("main", "contrib"),
        packages=("a=1", "b"),
        essential=True,
        platform=ARM64,
    )


def test_packages_lie_between_the_root_and_what_scripts_would_have_written() -> None:
    world = World()
    image = world.configure(world.debian(debs=[LIBC, PYTHON])).images[AMD64]
    first, *middle, last = image.layers
    assert first.action.builtin == builtins.DEBIAN_ROOT
    assert first.action.parameters["architecture"] == "amd64"
    assert {owner for layer in middle for owner in layer.packages} == {"libc6 2.36", "python3.11 3.11.2"}
    assert last.action.builtin == builtins.DEBIAN_STATE
    assert list(last.action.inputs.values()) == [Fetched(LIBC), Fetched(PYTHON)]
    # What a script writes may be a file that a package brought.
    assert [part.overrides for part in last.parts] == [True]


def test_what_children_rely_on() -> None:
    world = World()
    image = world.configure(world.debian(debs=[LIBC], variables={"LANG": "C.UTF-8"})).images[AMD64]
    assert image.facts.libc == Libc("glibc", (2, 36))
    assert image.facts.python == Interpreter("3.11.2", "/usr/bin/python3.11")
    assert image.merged_usr
    assert (image.prefix, image.pins) == ("", {})
    assert image.config.variables == {"LANG": "C.UTF-8"}


def test_facts_that_are_not_known() -> None:
    world = World()
    image = world.configure(world.debian(debs=[LIBC], facts={})).images[AMD64]
    assert (image.facts.libc, image.facts.python) == (None, None)
