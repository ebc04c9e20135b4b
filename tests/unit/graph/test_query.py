"""What expressions mean, on a drawn graph.

    web --> api --> common --> base
     |       |                  ^
     |       +---> tools -------+
     +--> assets        lonely

`loop_a` and `loop_b` depend on each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.label import Label, Pattern
from envbuild.graph.query import run_query
from tests.makers.workspace import failures

EDGES = {
    "web": ["api", "assets"],
    "api": ["common", "tools"],
    "common": ["base"],
    "tools": ["base"],
    "base": [],
    "assets": [],
    "lonely": [],
    "loop_a": ["loop_b"],
    "loop_b": ["loop_a"],
}


@dataclass(frozen=True)
class Drawn:
    """The graph above; every target lies in the package `x`, and its kind is its name's length."""

    def expand(self, pattern: Pattern) -> Iterable[Label]:
        if pattern.exact and pattern.exact.name not in EDGES:
            raise SpecError(f"no target `{pattern.exact}`", hint="look again")
        return [label for label in (Label("x", name) for name in EDGES) if pattern.matches(label)]

    def kind(self, label: Label) -> str:
        return f"kind_{len(label.name)}"

    def attribute(self, label: Label, name: str) -> Iterable[str]:
        return [f"{label.name}=1", "shared"] if name == "vars" and label.name != "lonely" else []

    def dependencies(self, label: Label) -> Iterable[Label]:
        return [Label("x", name) for name in EDGES[label.name]]


def run(text: str) -> str:
    return " ".join(label.name for label in run_query(text, Drawn(), "x"))


def fails(text: str) -> str:
    (error,) = failures(lambda: run(text))
    return error


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("//x:web", "web"),
        (":web", "web"),
        ("set()", ""),
        ("set(:web //x:api)", "api web"),
        ("deps(:common)", "base common"),
        ("deps(:web, 1)", "api assets web"),
        ("deps(:web, 0)", "web"),
        ("deps(:web + :lonely)", "api assets base common lonely tools web"),
        ("deps(:loop_a)", "loop_a loop_b"),
        ("rdeps(//..., :base)", "api base common tools web"),
        ("rdeps(//..., :base, 1)", "base common tools"),
        # What is outside of the universe's closure is no dependent, nor a start.
        ("rdeps(:common, :base)", "base common"),
        ("rdeps(:common, :tools)", ""),
        ("kind('^kind_3$', //...)", "api web"),
        ("kind(_4, //...)", "base"),
        ("attr(vars, web=1, //...)", "web"),
        ("attr(vars, shared, :lonely + :api)", "api"),
        ("attr(gone, '', //...)", ""),
        ("allpaths(:web, :base)", "api base common tools web"),
        ("allpaths(:api, :common)", "api common"),
        ("allpaths(:base, :api)", ""),
        # Of two shortest paths, the one that sorts first.
        ("somepath(:web, :base)", "api base common web"),
        ("somepath(:web, :web)", "web"),
        ("somepath(:assets, :base)", ""),
        ("somepath(:loop_a, :loop_b)", "loop_a loop_b"),
        (":web + :api", "api web"),
        (":web union :api union :base", "api base web"),
        ("deps(:api) - :base", "api common tools"),
        ("deps(:api) except set(:base :tools)", "api common"),
        ("deps(:common) ^ deps(:tools)", "base"),
        ("deps(:common) intersect deps(:tools)", "base"),
        # Equal precedence, from the left: brackets change it.
        (":web + :api - :web", "api"),
        (":web + (:api - :web)", "api web"),
        ("((:web))", "web"),
        ("deps(deps(:web, 1), 1)", "api assets common tools web"),
        ("\n  deps(\n :common\n)\n", "base common"),
        ('kind("kind_3", //...)', "api web"),
    ],
)
def test_expressions(text: str, names: str) -> None:
    assert run(text) == names


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "query:1:1: expected a pattern, a function or `(`, not the end"),
        ("deps(", "query:1:6: expected a pattern, a function or `(`, not the end"),
        ("deps(:web", "query:1:10: expected `)`, not the end"),
        ("deps(:web))", "query:1:11: expected an operator or the end, not `)`"),
        (":web :api", "query:1:6: expected an operator or the end, not `:api`"),
        (":web +", "query:1:7: expected a pattern, a function or `(`, not the end"),
        ("rdeps(:web)", "query:1:11: expected `,`, not `)`"),
        ("deps(:web, two)", "query:1:12: `two` is no number of steps"),
        ("dpes(:web)", "query:1:1: there is no function `dpes`\nhint: did you mean `deps`?"),
        ("kind('(', :web)", "query:1:6: `(` is no regular expression: missing ), unterminated subpattern"),
        ("kind(*, :web)", "query:1:6: `*` is no regular expression: nothing to repeat\nhint: quote it"),
        (
            ":web -:api",
            "query:1:6: cannot read `-:api`\nhint: put spaces around an operator, and close every quote",
        ),
        (
            "'open",
            "query:1:1: cannot read `'open`\nhint: put spaces around an operator, and close every quote",
        ),
        ("'-:api'", "query:1:1: a query has no exclusions\nhint: take sets from each other: `x - y`"),
        (":web + web", "query:1:8: `web` is not a label\nhint: did you mean `:web`?"),
        ("deps(:gone)", "query:1:6: no target `//x:gone`\nhint: look again"),
    ],
)
def test_wrong_expressions(text: str, error: str) -> None:
    assert fails(text) == error


@pytest.mark.parametrize("regex", ["a{99999999999}", "(" * 5000 + ")" * 5000])
def test_expressions_that_python_gives_up_on(regex: str) -> None:
    reason = "is no regular expression: it is nested too deeply, or counts too far"
    assert fails(f"kind('{regex}', :web)").endswith(reason)


# Nothing recurses with its length: a program may have written it.
def test_a_chain_of_thousands() -> None:
    assert run(" + ".join([":web"] * 20_000) + " - :web + :api") == "api"


def test_an_unknown_function_like_no_other() -> None:
    assert fails("tests(:web)").splitlines() == [
        "query:1:1: there is no function `tests`",
        "hint: known: `allpaths`, `attr`, `deps`, `kind`, `rdeps`, `set`, `somepath`",
    ]


def test_signs_within_a_word_belong_to_it() -> None:
    assert fails("//a-b+c:d-e") == "query:1:1: no target `//a-b+c:d-e`\nhint: look again"


def test_nesting_is_bounded() -> None:
    assert run("(" * 99 + ":web" + ")" * 99) == "web"
    assert fails("(" * 5000) == "query:1:101: nested deeper than 100 levels"
