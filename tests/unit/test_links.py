"""The pages lead to each other: no relative link is dead, and none is out of a reader's way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

TOP = Path(__file__).parents[2]
PAGES = [*sorted(TOP.glob("*.md")), *sorted(TOP.glob("docs/**/*.md")), *sorted(TOP.glob("tests/**/*.md"))]
_BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_NAMED = re.compile(r"\bdocs/[a-z0-9/-]+\.md\b")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Where a page's relative links go: the file or folder, and the heading's anchor or ""."""
    for target in _LINK.findall(_CODE.sub("", _BLOCK.sub("", page.read_text()))):
        if not _ELSEWHERE.match(target):
            place, _, anchor = unquote(target).partition("#")
            yield (page.parent / place).resolve() if place else page, anchor


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(_BLOCK.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_no_link_is_dead(page: Path) -> None:
    for place, anchor in links(page):
        assert place.exists(), f"{page.name} links to {place}"
        assert place.is_relative_to(TOP)
        assert not anchor or anchor in anchors(place), f"{page.name} links to {place.name}#{anchor}"


def test_every_page_that_is_named_anywhere_is_there() -> None:
    folders = ("envbuild", "rules", "tests", "benchmarks", "examples", "docs")
    below = (path for folder in folders for path in (TOP / folder).rglob("*"))
    for path in [*below, *TOP.iterdir()]:
        if path.suffix in (".md", ".py", ".toml", ".yaml") or path.name == "Makefile":
            for name in _NAMED.findall(path.read_text()):
                assert (TOP / name).is_file(), f"{path.relative_to(TOP)} names {name}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    pending = [TOP / "README.md"]
    while pending:
        page = pending.pop()
        if page not in reached:
            reached.add(page)
            # A folder that is linked shows all pages in it.
            below = page.glob("*.md") if page.is_dir() else (place for place, _ in links(page))
            pending += [each for each in below if each.is_dir() or each.suffix == ".md"]
    unreached = [str(page.relative_to(TOP)) for page in TOP.glob("docs/**/*.md") if page not in reached]
    assert unreached == []
