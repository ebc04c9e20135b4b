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
        ("a/b", {"": "a/b", "z.py": "a/b/z.py"}),
        ("/a/b/", {"": "a/b", "z.py": "a/b/z.py"}),
        ("a/*.py", {"x.py": "a/x.py"}),
        ("a/*.md", {}),  # as `package-lock.json*` may be missing
        ("way/*.py", {"z.py": "a/b/z.py"}),
        ("**/z.py", {}),  # no more than `*/z.py`
        ("*/b/z.??", {"z.py": "a/b/z.py"}),
        ("empty", {"": "empty"}),
        ("way", {"": "a/b", "z.py": "a/b/z.py"}),
        ("way/z.py", {"z.py": "a/b/z.py"}),
        ("up", {"up": "a/x.py"}),
        ("abs/x.py", {"x.py": "a/x.py"}),
        ("abs/b/../y.txt", {"y.txt": "a/y.txt"}),
    ],
)
def test_sources(source: str, expected: dict[str, str]) -> None:
    assert select(source) == expected


def test_folders_come_with_all_that_is_in_them() -> None:
    files = {"b": "a/b", "b/z.py": "a/b/z.py", "x.py": "a/x.py", "y.txt": "a/y.txt"}
    assert select("a") == {"": "a", **files}


@pytest.mark.parametrize(
    ("excluded", "kept"),
    [
        (["b", "*.txt"], {"x.py"}),
        (["**/*.py"], {"b", "y.txt"}),
        (["*.py"], {"b", "b/z.py", "y.txt"}),
        (["**", "!b"], {"b", "b/z.py"}),
        (["./b/"], {"x.py", "y.txt"}),
        (["/b", "a/b"], {"b", "b/z.py", "x.py", "y.txt"}),  # paths are those below the source
    ],
)
def test_exclusions(excluded: list[str], kept: set[str]) -> None:
    assert select("a", excluded=excluded).keys() == {"", *kept}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a/b", {"a/b", "a/b/z.py"}),
        ("top.py", {"top.py"}),
        ("**/*.py", {"a/b/z.py", "a/x.py", "top.py"}),
        ("a/*.py", {"a/x.py"}),
        ("a/./b/z.py", {"b/z.py"}),
        ("a/./*.py", {"x.py"}),
        ("./a/./**/z.py", {"b/z.py"}),
        ("none*", set()),
    ],
)
def test_parents(source: str, expected: set[str]) -> None:
    assert select(source, parents=True).keys() == expected


@pytest.mark.parametrize("source", ["none", "a/none", "a/./none", "none/./a"])
def test_parents_of_nothing(source: str) -> None:
    with pytest.raises(SpecError, match="is not in the context"):
        select(source, parents=True)


@pytest.mark.parametrize("source", ["none", "gone", "self", "a/x.py/below", "none/\\*.py", "a/none/x?"])
def test_nothing(source: str) -> None:
    with pytest.raises(SpecError, match=r"is not in the context|too many links"):
        select(source)
