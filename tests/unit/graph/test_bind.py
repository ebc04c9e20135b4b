"""From a declaration to an action on real contents, and its key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envbuild.core.action import Action
from envbuild.core.digest import Digest
from envbuild.core.tree import FileNode, build_tree
from envbuild.graph.bind import bind_action
from envbuild.rule.declared import DeclaredAction, Output, SourceFile
from tests.makers.actions import JOIN, OUT, bind, declare

FILE = SourceFile(Digest.of(b"x"), executable=False, path="/somewhere/x")


def bind_to(action: DeclaredAction, content: bytes) -> Action:
    """The action where every output of the actions before has this content."""
    return bind_action(action, lambda output: Digest.of(content))


def test_the_input_root_holds_parameters_and_inputs() -> None:
    action = bind(declare("text", inputs={"a/b": FILE}))
    assert action.inline == {"parameters.json": b'{"text":"text"}'}
    assert action.inputs == {"a/b": FILE.digest}
    nodes = {
        "parameters.json": FileNode(Digest.of(b'{"text":"text"}')),
        "inputs/a/b": FileNode(FILE.digest),
    }
    assert action.tree == build_tree(nodes)
    assert action.command.arguments == ("envbuild", "join", "1")
    assert action.command.output_paths == (OUT,)


def test_equal_contents_give_equal_keys_whatever_was_declared() -> None:
    """The early cutoff: what is made again and comes out the same changes nothing above."""
    one, two = declare("top", declare("one")), declare("top", declare("two"))
    assert one.definition != two.definition
    assert bind_to(one, b"same").key == bind_to(two, b"same").key
    assert bind_to(one, b"same").key != bind_to(one, b"other").key


@pytest.mark.parametrize(
    "changed",
    [
        declare("other", inputs={"a": FILE}),
        declare("text", inputs={"b": FILE}),
        declare("text", inputs={"a": replace(FILE, executable=True)}),
        declare("text", inputs={"a": replace(FILE, digest=Digest.of(b"y"))}),
        declare("text", inputs={"a": FILE}, builtin=replace(JOIN, version=2)),
        declare("text", inputs={"a": FILE}, builtin=replace(JOIN, name="other")),
    ],
)
def test_what_is_in_the_key(changed: DeclaredAction) -> None:
    assert bind(changed).key != bind(declare("text", inputs={"a": FILE})).key


def test_what_is_not_in_the_key() -> None:
    action = declare("text", inputs={"a": FILE})
    renamed = DeclaredAction(JOIN, action.parameters, action.inputs, action.outputs, "Other", "name")
    moved = declare("text", inputs={"a": replace(FILE, path="/elsewhere")})
    assert bind(renamed).key == bind(moved).key == bind(action).key


def test_a_stamped_action_knows_its_definition() -> None:
    plain = declare("text")
    stamped = DeclaredAction(JOIN, plain.parameters, {}, (OUT,), "Join", "", stamped=True)
    assert bind(stamped).inline["definition"] == stamped.definition.encode()
    assert stamped.definition != plain.definition


def test_each_output_is_asked_for_by_the_action_that_makes_it() -> None:
    below = declare("below")
    asked: list[Output] = []

    def digest(output: Output) -> Digest:
        asked.append(output)
        return Digest.of(b"")

    bind_action(declare("top", below), digest)
    assert asked == [below.output(OUT)]
