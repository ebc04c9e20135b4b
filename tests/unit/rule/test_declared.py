"""Declared actions: what makes them equal, and the order in which they are walked."""

from __future__ import annotations

import pytest

from envbuild.core.digest import Digest
from envbuild.lock.model import Json
from envbuild.rule.declared import DeclaredAction, Fetched, SourceFile, walk
from tests.makers.actions import JOIN, OUT, declare
from tests.makers.targets import make_locked


def definition(value: Json) -> str:
    return DeclaredAction(JOIN, {"a": value}, {}, (OUT,), "", "").definition


def test_parameters_are_typed() -> None:
    values: list[Json] = [None, "", [], {}, 0, False, "0", 1, "1", True, ["ab", "c"], ["a", "bc"], ["abc"]]
    assert len({definition(value) for value in values}) == len(values)


def test_one_word_under_two_names_differs() -> None:
    one, two = (DeclaredAction(JOIN, {name: "x"}, {}, (OUT,), "", "") for name in ("pip", "apt"))
    assert one != two


def test_equal_declarations_are_one_action() -> None:
    assert declare("x", declare("y")) == declare("x", declare("y"))
    assert len({declare("x"), declare("x"), declare("y")}) == 2
    assert declare("x") != "x"


def test_inputs_of_two_kinds_with_the_same_content_are_the_same() -> None:
    """A wheel of the workspace and the same wheel from an index give the same layer."""
    wheel = make_locked("numpy")
    fetched = Fetched(wheel)
    local = SourceFile(Digest(wheel.sha256, wheel.size), executable=False, path="/x")
    assert fetched.definition == local.definition


def test_an_output_must_be_declared() -> None:
    with pytest.raises(KeyError):
        declare("x").output("other")


def test_walk_gives_each_once_and_what_is_needed_first() -> None:
    bottom = declare("bottom")
    left, right = declare("left", bottom), declare("right", bottom)
    top = declare("top", right, left)
    assert list(walk(top)) == [bottom, right, left, top]
    assert list(walk(left, top, left)) == [bottom, left, right, top]
    assert list(walk()) == []


def test_walk_of_a_deep_chain() -> None:
    # Deeper than Python recurses.
    action = declare("0")
    for n in range(1, 3000):
        action = declare(str(n), action)
    assert [each.subject for each in walk(action)] == [str(n) for n in range(3000)]
