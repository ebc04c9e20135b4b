"""What is in a key changes it, alone; what is not, does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.digest import Digest
from envbuild.graph.bind import bind_action
from envbuild.lock.model import Locked
from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, Output, SourceFile
from tests.makers.actions import OUT, declare
from tests.makers.processes import run_python

A, B, C = (Digest.of(text) for text in (b"a", b"b", b"c"))
WHEEL = Locked("wheel", "numpy", "2", "pypi", "numpy-2.whl", A.hash, A.size)
BASE: dict[str, Any] = {
    "builtin": Builtin("wheel_layer", 1),
    "parameters": {"prefix": "opt/env", "epoch": 1},
    "inputs": {"wheel": Fetched(WHEEL), "file": SourceFile(B, executable=False, path="/src/b")},
    "outputs": ("layer", "listing"),
    "mnemonic": "WheelLayer",
    "subject": "numpy 2",
}


def action(**changes: Any) -> DeclaredAction:
    return DeclaredAction(**{**BASE, **changes})


def key(declared: DeclaredAction) -> Digest:
    def content(output: Output) -> Digest:
        return Digest.of(output.path.encode())

    return bind_action(declared, content).key


def inputs(**changes: Any) -> dict[str, Any]:
    return {"inputs": {**BASE["inputs"], **changes}}


IN_BOTH: dict[str, dict[str, Any]] = {
    "another builtin": {"builtin": Builtin("deb_layer", 1)},
    "another version": {"builtin": Builtin("wheel_layer", 2)},
    "another value": {"parameters": {"prefix": "opt/env", "epoch": 2}},
    "another type": {"parameters": {"prefix": "opt/env", "epoch": "1"}},
    "another name": {"parameters": {"prefixes": "opt/env", "epoch": 1}},
    "none for a value": {"parameters": {"prefix": None, "epoch": 1}},
    "one parameter more": {"parameters": {"prefix": "opt/env", "epoch": 1, "more": None}},
    "other content": inputs(file=SourceFile(C, executable=False, path="/src/b")),
    "an executable file": inputs(file=SourceFile(B, executable=True, path="/src/b")),
    "another artifact": inputs(wheel=Fetched(replace(WHEEL, sha256=C.hash))),
    "one input more": inputs(more=SourceFile(A, executable=False, path="/src/a")),
    "another input path": {"inputs": {"wheel": Fetched(WHEEL), "named": BASE["inputs"]["file"]}},
    "inputs exchanged": inputs(
        wheel=SourceFile(B, executable=False, path=""), file=SourceFile(A, executable=False, path="")
    ),
    "another output": {"outputs": ("layer", "list")},
    "one output less": {"outputs": ("layer",)},
    "stamped": {"stamped": True},
}
IN_NEITHER: dict[str, dict[str, Any]] = {
    "mnemonic": {"mnemonic": "Wheel"},
    "subject": {"subject": "numpy 3"},
    "where a file lies": inputs(file=SourceFile(B, executable=False, path="/elsewhere")),
    "where an artifact comes from": inputs(wheel=Fetched(replace(WHEEL, source="mirror", file="x.whl"))),
    "order of parameters": {"parameters": {"epoch": 1, "prefix": "opt/env"}},
    "order of inputs": {"inputs": dict(reversed(BASE["inputs"].items()))},
    "order of outputs": {"outputs": ("listing", "layer")},
}


@pytest.mark.parametrize("changes", IN_BOTH.values(), ids=IN_BOTH)
def test_what_is_in_both_digests(changes: dict[str, Any]) -> None:
    assert action(**changes).definition != action().definition
    assert key(action(**changes)) != key(action())


@pytest.mark.parametrize("changes", IN_NEITHER.values(), ids=IN_NEITHER)
def test_what_is_in_neither_digest(changes: dict[str, Any]) -> None:
    assert action(**changes).definition == action().definition
    assert key(action(**changes)) == key(action())


def test_all_these_changes_give_different_digests() -> None:
    changed = [action(**changes) for changes in IN_BOTH.values()]
    assert len({each.definition for each in changed}) == len(IN_BOTH)
    assert len({key(each) for each in changed}) == len(IN_BOTH)


def test_early_cutoff_is_in_the_key_and_not_in_the_definition() -> None:
    # Two ways to the same content: declared differently, so named differently; run once.
    one, two = (declare("top", declare(text)) for text in ("one way", "another"))
    assert one.definition != two.definition
    assert key(one) == key(two)


def test_which_output_is_read_is_in_the_definition() -> None:
    below = action()
    layer, listing = (
        DeclaredAction(BASE["builtin"], {}, {"in": below.output(path)}, (OUT,), "", "")
        for path in ("layer", "listing")
    )
    assert layer.definition != listing.definition


def test_the_order_of_words_counts() -> None:
    one, two = (action(parameters={"entrypoint": words}) for words in (["ab", "c"], ["c", "ab"]))
    assert one.definition != two.definition
    assert key(one) != key(two)


parameters = st.dictionaries(
    st.text(max_size=4),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.lists(st.text(max_size=3), max_size=3),
    max_size=4,
)


@given(parameters, parameters)
def test_digests_are_equal_for_equal_parameters_only(left: dict[str, Any], right: dict[str, Any]) -> None:
    one, two = action(parameters=left), action(parameters=right)
    equal = repr(sorted(left.items())) == repr(sorted(right.items()))
    assert (one.definition == two.definition) is equal
    assert (key(one) == key(two)) is equal


PRINT = """
from tests.property.test_keys import action, key
print(action().definition, key(action()))
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "HOME": "/nowhere"},
    ],
)
def test_the_machine_is_in_no_digest(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = run_python(PRINT)
    assert done.stderr == ""
    assert done.stdout == f"{action().definition} {key(action())}\n"
