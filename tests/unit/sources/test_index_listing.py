"""Whole pages of package indexes, in both forms, read and written."""

from __future__ import annotations

import json

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.index_listing import Listed, list_page, write_page
from envbuild.sources.index_page import HTML, JSON, IndexFile

URL = "https://index.example/simple/app/"
FILES = [
    Listed(IndexFile("app-1.0.tar.gz", "https://index.example/f/app-1.0.tar.gz", "ab" * 32)),
    Listed(IndexFile("app-2.0.tar.gz", "https://files.example/app-2.0.tar.gz", ""), ">=3.8,<4", "is <bad>"),
    Listed(IndexFile("app-3.0.tar.gz", "https://index.example/app-3.0.tar.gz", ""), "", ""),
]


def test_a_page_of_html() -> None:
    page = f"""<!DOCTYPE html><html><head><base href="/f/"></head><body>
    <A class="x" HREF='app-1.0.tar.gz#sha256={"AB" * 32}'>app-1.0.tar.gz</A>
    <a data-requires-python="&gt;=3.8,&lt;4" data-yanked="is &lt;bad&gt;"
       href="https://files.example/app-2.0.tar.gz">app-2.0.tar.gz</a>
    <a href="../app-3.0.tar.gz" data-yanked>app-3.0.tar.gz</a><a name="no link">x</a>
    """
    assert list_page(page.encode(), "text/html; charset=utf-8", URL) == FILES


def test_a_page_of_json() -> None:
    page = {
        "files": [
            {"filename": "app-1.0.tar.gz", "url": "/f/app-1.0.tar.gz", "hashes": {"sha256": "AB" * 32}},
            {
                "filename": "app-2.0.tar.gz",
                "url": "https://files.example/app-2.0.tar.gz",
                "hashes": {},
                "requires-python": ">=3.8,<4",
                "yanked": "is <bad>",
            },
            {"filename": "app-3.0.tar.gz", "url": "/app-3.0.tar.gz", "yanked": True, "requires-python": None},
        ]
    }
    assert list_page(json.dumps(page).encode(), JSON, URL) == FILES


def test_what_is_written_is_read() -> None:
    assert list_page(write_page(FILES), HTML, "http://127.0.0.1/") == FILES


@pytest.mark.parametrize(
    ("page", "kind"),
    [(b"<a href='x'>x</a>", "text/plain"), (b"{}", JSON), (b'{"files": [1]}', JSON), (b"<", JSON)],
)
def test_what_is_no_page(page: bytes, kind: str) -> None:
    with pytest.raises(SourceError, match="no page of the simple API"):
        list_page(page, kind, URL)
