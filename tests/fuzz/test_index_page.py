"""Pages of package indexes, in both forms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.errors import SourceError
from envbuild.sources.index_page import HTML, JSON, find_in_page
from envbuild.sources.url import redact
from tests.makers.documents import TEXTS, documents, read_or_say, words
from tests.makers.mutants import fuzz, mutants

FILE, URL = "app-1.0-py3-none-any.whl", "https://index.example/simple/app/"
PAGE = {
    "meta": {"api-version": "1.0"},
    "name": "app",
    "files": [{"filename": FILE, "url": f"../../{FILE}", "hashes": {"sha256": "ab" * 32}}],
}
LINK = f'<!DOCTYPE html><base href="/x/"><a href="../{FILE}#sha256={"ab" * 32}">{FILE}</a>'


def check(data: bytes, kind: str) -> None:
    found = read_or_say(lambda: find_in_page(data, kind, URL, FILE), SourceError)
    for each in found or ():
        assert each.name == FILE
        assert "pw" not in redact(each.url)


@fuzz
@given(documents(PAGE), st.sampled_from([JSON, f"{JSON}; charset=utf-8"]))
def test_a_page_of_json(data: bytes, kind: str) -> None:
    check(data, kind)


@fuzz
@given(
    mutants(LINK.encode())
    | words("<a ", "<base ", "href=", '"', "'", FILE, ">", "#sha256=", "&#x1b;", "//[").map(
        lambda text: text.encode(errors="surrogatepass")
    )
)
def test_a_page_of_html(data: bytes) -> None:
    check(data, HTML)


@fuzz
@given(TEXTS)
def test_any_content_type(kind: str) -> None:
    check(LINK.encode(), kind)


def test_pages_that_nobody_changed_are_read() -> None:
    (found,) = find_in_page(LINK.encode(), HTML, URL, FILE)
    assert found.url == f"https://index.example/{FILE}"
