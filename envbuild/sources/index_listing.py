"""All files of a project's page of the simple API (PEP 503, PEP 592, PEP 691), with what it says of each."""

from __future__ import annotations

import html
from html.parser import HTMLParser
from typing import Any

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.wire import parse_json
from envbuild.sources.index_page import HTML, JSON, IndexFile, file_at
from envbuild.sources.url import join_url


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a page; `requires_python` is "" and `yanked` None where the page says nothing."""

    file: IndexFile
    requires_python: str = ""
    yanked: str | None = None


def list_page(page: bytes, content_type: str, url: str) -> list[Listed]:
    """The page's files in order; links are relative to `url`. Raises SourceError for what is no such page."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == JSON:
            return [_read_item(item, url) for item in parse_json(page)["files"]]
        if kind in (HTML, "text/html"):
            parser = _Links(url)
            parser.feed(page.decode("utf-8", "replace"))
            return parser.found
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise SourceError(
        "the index's answer is no page of the simple API",
        hint="check the index's address, and whether a proxy answers in its place",
    )


def write_page(files: list[Listed]) -> bytes:
    """A page of these files, in HTML."""
    return "\n".join(["<!DOCTYPE html><html><body>", *map(_link, files), "</body></html>"]).encode()


def _link(listed: Listed) -> str:
    file = listed.file
    address = html.escape(file.url + (f"#sha256={file.sha256}" if file.sha256 else ""))
    python = (
        f' data-requires-python="{html.escape(listed.requires_python)}"' if listed.requires_python else ""
    )
    yanked = f' data-yanked="{html.escape(listed.yanked)}"' if listed.yanked is not None else ""
    return f'<a href="{address}"{python}{yanked}>{html.escape(file.name)}</a><br/>'


def _read_item(item: Any, url: str) -> Listed:
    yanked = item.get("yanked", False)
    sha256 = str(item.get("hashes", {}).get("sha256", ""))
    file = IndexFile(str(item["filename"]), join_url(url, str(item["url"])), sha256.lower())
    reason = (yanked if isinstance(yanked, str) else "") if yanked else None
    return Listed(file, str(item.get("requires-python") or ""), reason)


class _Links(HTMLParser):
    """Collects the links of a page."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.found: list[Listed] = []
        self._base = url

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link, or the address that links are relative to."""
        stated = {name: value or "" for name, value in attrs}
        if "href" not in stated:
            return
        if tag == "base":
            self._base = join_url(self._base, stated["href"])
        elif tag == "a":
            file = file_at(join_url(self._base, stated["href"]))
            self.found.append(Listed(file, stated.get("data-requires-python", ""), stated.get("data-yanked")))
