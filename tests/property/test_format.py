"""Formatting any document, however it is laid out: it means the same, and formatting again changes nothing.

`format_spec` itself refuses to change a meaning; what these tests show is that it never has to.
"""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envbuild.core.errors import EnvbuildError
from envbuild.spec.format import format_spec
from envbuild.spec.positions import Shape, parse_yaml

KEYS = st.sampled_from(["a", "b", "c", "e f", "'g'", '"h"'])
REMARKS = st.sampled_from(["", "", "", "  # c", " #d", "   "])
HEADERS = st.sampled_from(["|", "|+", "|-", ">", ">+", ">-"])
BLOCK_LINES = st.sampled_from(["t", "  u", "", "   ", "v w ", "# n"])
SCALARS = st.sampled_from(["x", "'y'", '"z # q"', "1", "a b"])
WRAPPED = ["a b\n  c d", "'q\n   r'", '"a\\\n   b"', '"a\n\n b"', "a\n b\n\n   c"]
COMMAS = st.sampled_from([", ", ",\n   ", ",\n# c\n   ", ",\n\n\n  ", " , "])
BRACKETS = st.sampled_from([("[", "]"), ("[ ", " ]"), ("[\n    ", "\n    ]")])
COLONS = st.sampled_from([": ", ":  ", " : "])


def in_brackets(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.tuples(st.lists(inner, max_size=3), COMMAS, BRACKETS).map(
        lambda drawn: drawn[2][0] + drawn[1].join(drawn[0]) + drawn[2][1]
    )
    mappings = st.tuples(st.lists(inner, max_size=3), COMMAS, COLONS).map(
        lambda drawn: "{" + drawn[1].join(f"k{n}{drawn[2]}{text}" for n, text in enumerate(drawn[0])) + "}"
    )
    return lists | mappings


FLOWS = st.recursive(SCALARS, in_brackets, max_leaves=5)


@st.composite
def values(draw: st.DrawFn, indent: int, depth: int) -> str:
    """What follows a colon or a dash: a line's rest, and what stands below it at `indent` or deeper."""
    leaf = st.one_of(flow_values(indent), wrapped_values(indent), block_values(indent), REMARKS.map(_line))
    if depth > 3:
        return draw(leaf)
    return draw(st.one_of(leaf, collections(indent, depth), collections(indent, depth)))


def _line(text: str) -> str:
    return f"{text}\n"


@st.composite
def flow_values(draw: st.DrawFn, indent: int) -> str:
    flow = draw(FLOWS).replace("\n", "\n" + " " * indent)
    return " " * draw(st.integers(1, 3)) + flow + draw(REMARKS) + "\n"


@st.composite
def wrapped_values(draw: st.DrawFn, indent: int) -> str:
    text = draw(st.sampled_from(WRAPPED)).replace("\n", "\n" + " " * indent)
    return f" {text}{draw(REMARKS)}\n"


@st.composite
def block_values(draw: st.DrawFn, indent: int) -> str:
    deeper = draw(st.integers(1, 4))
    lines = ["t", *draw(st.lists(BLOCK_LINES, max_size=4))]
    body = "".join(f"{' ' * (indent + deeper)}{line}\n" if line else "\n" for line in lines)
    return f" {draw(HEADERS)}{draw(REMARKS)}\n{body}"


@st.composite
def collections(draw: st.DrawFn, indent: int, depth: int) -> str:
    pad = " " * indent
    gaps = st.sampled_from(["\n", "  \n", f"{pad}# own\n", "# left\n", f"{pad}   # deep\n"])
    gap = "".join(draw(st.lists(gaps, max_size=2)))
    column = indent + draw(st.integers(0, 3))
    heads = st.just("-")
    if draw(st.booleans()):
        heads = st.tuples(KEYS, st.sampled_from([":", " :"])).map("".join)
    parts = [
        f"{gap}{' ' * column}{draw(heads)}{draw(values(column + 2, depth + 1))}"
        for _ in range(draw(st.integers(1, 3)))
    ]
    return draw(REMARKS) + "\n" + "".join(parts)


def is_document(text: str) -> bool:
    try:
        shape = parse_yaml(text.encode(), "BUILD.yaml").shape
    except EnvbuildError:
        return False
    return shape in (Shape.LIST, Shape.MAPPING, Shape.NULL)


def check(text: str) -> None:
    formatted = format_spec(text.encode(), "BUILD.yaml")
    assert format_spec(formatted, "BUILD.yaml") == formatted


@given(values(0, 0), st.booleans())
def test_any_layout(text: str, unfinished: bool) -> None:
    document = text.rstrip("\n") if unfinished else text
    assume(is_document(document))
    check(document)


PIECES = [
    *("- ", "a: ", "b:", "a", "\n", "\n  ", "\n    ", " ", "# c", "#", "[", "]", "{", "}", ",", ": ", "'x'"),
    *('"y\n z"', "|", "|+", ">-", "|2", "\n\n", "? ", "-", "\t", "\r\n", "\u2028", "---\n", "...\n", "é"),
    *("\\", "\n- ", "\n  - ", "d: [", "\ne: ", "\n  f: "),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text(text: str) -> None:
    """Most such texts are no YAML, and refused; those that are lie at the edges of what YAML is."""
    if is_document(text):
        check(text)
    else:
        with pytest.raises(EnvbuildError):
            format_spec(text.encode(), "BUILD.yaml")
