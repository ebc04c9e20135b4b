"""What is written as TOML is read again as it was."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from envbuild.lock.export.toml import write_toml

texts = st.text(st.characters(exclude_categories=["Cs"]))  # surrogates are no text
scalars = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1)
values = st.recursive(
    scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3)
)


@given(st.dictionaries(texts, values, max_size=4))
def test_round_trip(document: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(document)) == document


# A lock is read by people too: a table per package, a line per wheel.
def test_layout() -> None:
    packages = [{"name": "a", "wheels": [{"size": 1}, {"size": 2}]}, {"name": "b", "marker": 'x == "y"'}]
    assert write_toml({"packages": packages, "created-by": "envbuild"}) == (
        'created-by = "envbuild"\n'
        "\n"
        "[[packages]]\n"
        'name = "a"\n'
        "wheels = [\n"
        "    { size = 1 },\n"
        "    { size = 2 },\n"
        "]\n"
        "\n"
        "[[packages]]\n"
        'name = "b"\n'
        "marker = 'x == \"y\"'\n"
    )
