from __future__ import annotations

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.debian_relations import Relation, parse_relations
from envbuild.sources.debian_version import compare_versions, satisfies, upstream_version, version_order

# Oldest first; the order is what `dpkg --compare-versions` says.
ORDERED = [
    *("1.0~", "1.0~rc1-1", "1.0", "1.0-1~deb12u1", "1.0-1", "1.0-1+b1", "1.0a", "1.0+dfsg-1", "1.2", "1.10"),
    *("1.10-1-1", "2.36-9+deb12u4", "2.36-9+deb12u10", "1:0.1~", "1:0.1"),
]


def test_order() -> None:
    shuffled = [*ORDERED[::2], *ORDERED[1::2]]
    assert sorted(shuffled, key=version_order) == ORDERED
    assert compare_versions("1.0", "1.0-0") == 0


@pytest.mark.parametrize("text", ["", "1.0 2", "1_0", "-", "a:1", "1.0\n", "1:"])
def test_no_version(text: str) -> None:
    with pytest.raises(SourceError):
        compare_versions(text, "1.0")


def test_relations_between_versions() -> None:
    assert satisfies("1.0-1", ">=", "1.0~")
    assert satisfies("1.0", "<", "1.0")  # the obsolete form of `<=`
    assert not satisfies("1.0", "<<", "1.0")
    assert not satisfies("1.0", "=", "1.0-1")
    with pytest.raises(SourceError):
        satisfies("1.0", "~=", "1.0")


def test_upstream_version() -> None:
    assert upstream_version("1:2.36-9+deb12u10") == "2.36"


def test_parse_relations() -> None:
    text = "libc6 (>= 2.35), awk|mawk (<< 2~), python3:any (>=3.11~) , x:amd64,"
    assert parse_relations(text) == (
        (Relation("libc6", ">=", "2.35"),),
        (Relation("awk"), Relation("mawk", "<<", "2~")),
        (Relation("python3", ">=", "3.11~"),),
        (Relation("x"),),
    )


@pytest.mark.parametrize(
    "text", ["a (2)", "a (>= 1", "a b", "(>= 1)", "a | ", "a (>= 1 2)", "../a", "a (=> 1)"]
)
def test_malformed_relations(text: str) -> None:
    with pytest.raises(SourceError):
        parse_relations(text)
