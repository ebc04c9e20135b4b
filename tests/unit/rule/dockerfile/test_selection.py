from __future__ import annotations

from collections.abc import Sequence

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import SpecError
from envbuild.rule.dockerfile.selection import select_entries
from envbuild.spec.dockerfile.context import ContextEntry

LINKS = {"way": "a/b", "self": "self", "up": "../../a/x.py", "gone": "nowhere", "abs": "/a"}
FOLDERS = ("a", "a/b", "empty")
FILES = ("a/x.py", "a/y.txt", "a/b/z.py", "top.py")
CONTEXT = (
    *(ContextEntry(path) for path in FOLDERS),
    *(ContextEntry(path, Digest.of(path.encode())) for path in FILES),
    *(ContextEntry(path, target=target) for path, target in LINKS.items()),
)


def select(*sources: str, excluded: Sequence[str] = (), parents: bool = False) -> dict[str, str]:
    found = select_entries(sources, CONTEXT, excluded, parents=parents)
    return {each.below: each.entry.path for each in found}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("top.py", {"top.py": "top.py"}),
        ("./a/../top.py", {"top.py": "top.py"}),
        ("../../top.py", {"top.py": "top.py"}),
        ("a/b", {"z.py": "a/b/z.py"}),
        ("/a/b/", {"z.py": "a/b/z.py"}),
        ("a/*.py", {"x.py": "a/x.py"}),
        ("*/b/z.??", {"z.py": "a/b/z.py"}),
        ("empty", {}),
        ("way", {"z.py": "a/b/z.py"}),
        ("way/z.py", {"z.py": "a/b/z.py"}),
        ("up", {"up": "a/x.py"}),
        ("abs/x.py", {"x.py": "a/x.py"}),
        ("abs/b/../y.txt", {"y.txt": "a/y.txt"}),
    ],
)
def test_sources(source: str, expected: dict[str, str]) -> None:
    assert select(source) == expected


def test_folders_come_with_all_that_is_in_them() -> None:
    assert select("a") == {"b": "a/b", "b/z.py": "a/b/z.py", "x.py": "a/x.py", "y.txt": "a/y.txt"}


def test_exclusions_and_parents() -> None:
    assert select("a", excluded=["b", "*.txt"]) == {"x.py": "a/x.py"}
    assert select("a/b", "top.py", parents=True) == {
        "a/b/z.py": "a/b/z.py",
        "top.py": "top.py",
    }


@pytest.mark.parametrize("source", ["none", "a/*.md", "gone", "self", "a/x.py/below"])
def test_nothing(source: str) -> None:
    with pytest.raises(SpecError, match=source.replace("*", r"\*")):
        select(source)
