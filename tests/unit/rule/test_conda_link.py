"""The order of post-link scripts."""

from __future__ import annotations

import pytest

from envbuild.lock.model import CondaRecord, Locked
from envbuild.rule.conda_link import sort_by_needs


def package(name: str, *requires: str) -> Locked:
    return Locked("conda", name, "1", "ours", f"noarch/{name}", "0" * 64, 1, requires, conda=CondaRecord("0"))


@pytest.mark.parametrize(
    ("needs", "order"),
    [
        ({"b": (), "a": (), "c": ()}, "abc"),
        ({"a": ("c >=1",), "b": ("a",), "c": ()}, "cab"),
        ({"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ("__glibc",)}, "dbca"),
        # Some of conda's packages need each other, such as python and pip.
        ({"a": ("b",), "b": ("a",), "c": ("a",)}, "bac"),
        ({"a": ("a",)}, "a"),
    ],
)
def test_each_comes_behind_what_it_needs(needs: dict[str, tuple[str, ...]], order: str) -> None:
    packages = [package(name, *requires) for name, requires in needs.items()]
    assert "".join(each.name for each in sort_by_needs(packages)) == order
    assert sort_by_needs(packages[::-1]) == sort_by_needs(packages)


def test_a_long_chain_is_no_deep_recursion() -> None:
    packages = [package(f"p{n:04}", f"p{n + 1:04}") for n in range(3000)]
    assert sort_by_needs(packages) == tuple(packages[::-1])
