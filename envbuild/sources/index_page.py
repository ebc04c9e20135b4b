"""A project's page of the simple API (PEP 503 HTML, PEP 691 JSON): where is a file?

Pages grow to megabytes, of which one link matters: names are searched in the bytes, which takes
milliseconds where an HTML parser takes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.core.wire import parse_json
from envbuild.sources.url import join_url

HTML = "application/vnd.pypi.simple.v1+html"
JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{HTML}, text/html;q=0.9, {JSON};q=0.5"

_HREF = compile_later(rb"""\shref\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_BASE = compile_later(rb"""<base\s+href\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_HINT = "check the index's address, and whether a proxy answers in its place"
_HEAD = 4096  # a <base> stands in the page's head


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that an index offers; `sha256` is "" where the page does not tell."""

    name: str
    url: str
    sha256: str


def find_in_page(page: bytes, content_type: str, url: str, file: str) -> list[IndexFile]:
    """The page's files of that name; links are relative to `url`, where the page came from.

    Raises SourceError for what is no such page, as a proxy's or a portal's own answer.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (JSON, HTML, "text/html"):
        raise SourceError(
            f"the index's answer is no page of the simple API: it is `{excerpt(kind)}`", hint=_HINT
        )
    try:
        return list((_find_in_json if kind == JSON else _find_in_html)(page, url, file))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SourceError("the index's answer is no page of the simple API", hint=_HINT) from None


def _find_in_html(page: bytes, url: str, file: str) -> Iterator[IndexFile]:
    base = url
    if match := _BASE.search(page[:_HEAD]):
        base = join_url(url, _unescape(match[1]))
    seen = set()
    for name in {file.encode(), quote(file).encode()}:
        for tag in _tags_around(page, name):
            match = _HREF.search(tag)
            link = _unescape(match[1] or match[2] or b"") if match else ""
            found = file_at(join_url(base, link))
            if found.name == file and found not in seen:
                seen.add(found)
                yield found


def _tags_around(page: bytes, name: bytes) -> Iterator[bytes]:
    """The `<a ...>` tag at or before each place that holds the name, each once."""
    position = page.find(name)
    while position >= 0:
        begin = page.rfind(b"<a", 0, position)
        end = page.find(b">", begin)
        if begin < 0 or end < 0:
            return
        yield page[begin:end]
        position = page.find(name, max(end, position + 1))


def _unescape(value: bytes) -> str:
    """An attribute's value: most have nothing to unescape, and the table for that takes long to load."""
    text = value.decode("utf-8", "replace")
    if "&" not in text:
        return text
    import html

    return html.unescape(text)


def file_at(link: str) -> IndexFile:
    """The file that an absolute link leads to."""
    parts = urlsplit(link)
    fragment = dict(item.partition("=")[::2] for item in parts.fragment.split("&"))
    name = unquote(parts.path.rpartition("/")[2])
    return IndexFile(name, parts._replace(fragment="").geturl(), fragment.get("sha256", "").lower())


def _find_in_json(page: bytes, url: str, file: str) -> Iterator[IndexFile]:
    for item in parse_json(page)["files"]:
        if item["filename"] == file:
            link = join_url(url, str(item["url"]))
            yield IndexFile(file, link, str(item.get("hashes", {}).get("sha256", "")).lower())
