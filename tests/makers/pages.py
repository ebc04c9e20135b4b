"""The blocks and the commands of the pages that users read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.makers.examples import REPOSITORY

PAGES = [
    path.relative_to(REPOSITORY).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "tests/*.md")
    for path in sorted(REPOSITORY.glob(pattern))
]
_BLOCK = re.compile(r"^( *)```(.*)\n((?:.*\n)*?) *```$", re.MULTILINE)
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its place among those of the page, its language and its text."""

    page: str
    place: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """What tests call it: `docs/query.md-2`."""
        return f"{self.page}-{self.place}"


@dataclass(frozen=True)
class Step:
    """A command line that a block shows, and what it prints there."""

    line: str
    output: str


def read_page(page: str) -> str:
    """A page's text."""
    return (REPOSITORY / page).read_text()


def find_blocks(*languages: str) -> list[Block]:
    """All blocks of all pages, or those in these languages."""
    found = [
        Block(page, place, match[2], re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE))
        for page in PAGES
        for place, match in enumerate(_BLOCK.finditer(read_page(page)))
    ]
    return [block for block in found if not languages or block.language in languages]


def find_block(page: str, language: str) -> str:
    """The text of a page's first block in a language."""
    return next(block.text for block in find_blocks(language) if block.page == page)


def find_steps(block: Block) -> Iterator[Step]:
    """The commands of a block: in `console` the lines after `$`, with what they print; in `sh` all lines."""
    if block.language == "sh":
        yield from (Step(line, "") for line in block.text.splitlines())
        return
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield Step(line, output)


def find_spans(page: str) -> list[str]:
    """What stands in backticks in a page's sentences and tables, with `\\|` as it is shown."""
    sentences = _BLOCK.sub("", read_page(page))
    return [match[2].replace("\\|", "|") for match in _SPAN.finditer(sentences)]
