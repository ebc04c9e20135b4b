"""Links in pages of the simple API, as real indexes write them."""

from __future__ import annotations

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.index_page import JSON, find_in_page

FILE = "a_b-1.0+cpu-py3-none-any.whl"
URL = "https://index.example/simple/a-b/"
SHA = "ab" * 32
FILES = "https://files.example/a_b-1.0%2Bcpu-py3-none-any.whl"


@pytest.mark.parametrize(
    ("page", "found"),
    [
        # Percent-encoded, absolute, with an attribute before and a `>` escaped in another after.
        (
            f'<a data-x="1" href="{FILES}#sha256={SHA}" data-requires-python="&gt;=3">{FILE}</a>',
            FILES,
        ),
        # Relative to the page; single quotes; an entity in the address.
        (
            f"<a href='../../f/{FILE}?a=1&amp;b=2#sha256={SHA}'>x</a>",
            f"https://index.example/f/{FILE}?a=1&b=2",
        ),
        # A base tag moves relative links.
        (
            f'<head><base href="https://cdn.example/"></head><a href="p/{FILE}#sha256={SHA}">x</a>',
            f"https://cdn.example/p/{FILE}",
        ),
    ],
)
def test_links(page: str, found: str) -> None:
    (file,) = find_in_page(page.encode(), "text/html; charset=utf-8", URL, FILE)
    assert (file.name, file.url, file.sha256) == (FILE, found, SHA)


@pytest.mark.parametrize(
    "page",
    [
        "",
        FILE,  # no link at all
        f'<a href="other.whl">{FILE}</a>',  # only the text says so
        f'<a href="x{FILE}">x{FILE}</a>',  # a longer name ends with it
        f'<a href="{FILE}.metadata">x</a>',  # a longer name begins with it
        f"<a name={FILE}",  # broken off
    ],
)
def test_no_links(page: str) -> None:
    assert find_in_page(page.encode(), "text/html", URL, FILE) == []


@pytest.mark.parametrize("page", [b"", b"[]", b'{"files": 1}', b'{"files": [1]}', b"[" * 100_000])
def test_broken_json(page: bytes) -> None:
    with pytest.raises(SourceError, match="no page of the simple API"):
        find_in_page(page, JSON, URL, FILE)


# A proxy's or a portal's own answer has another type; pip and uv refuse it, too.
@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "application/octet-stream"])
def test_other_types(kind: str) -> None:
    page = f'<a href="{FILES}#sha256={SHA}">{FILE}</a>'
    with pytest.raises(SourceError, match="no page of the simple API") as caught:
        find_in_page(page.encode(), kind, URL, FILE)
    assert caught.value.hint


@pytest.mark.parametrize(
    "page", [f'<a href="http://[/{FILE}">{FILE}</a>', f'<base href="http://["><a href="{FILE}">x</a>']
)
def test_malformed_links(page: str) -> None:
    with pytest.raises(SourceError, match="malformed URL"):
        find_in_page(page.encode(), "text/html", URL, FILE)
