"""Sdists, and whole pages of the indexes that have them."""

from __future__ import annotations

import gzip
import io

from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.errors import SourceError
from envbuild.sources.index_listing import list_page, write_page
from envbuild.sources.index_page import HTML, JSON, IndexFile
from envbuild.sources.sdist_metadata import BUILD_BACKEND, read_sdist_metadata
from envbuild.sources.wheel_metadata import WheelMetadata
from tests.makers.documents import TEXTS, documents, read_or_say
from tests.makers.mutants import fuzz, mutants
from tests.makers.sdists import make_sdist

PROJECT = """[build-system]
requires = ["a>=1"]
build-backend = "b:c"
[project]
dependencies = ["d"]
optional-dependencies = {e = ["f; python_version > '3'"]}
"""
REQUIRES = {"a.egg-info/requires.txt": "a\n[x:os_name == 'posix']\nb\n"}
TAR = gzip.decompress(make_sdist("a", metadata="2.1", pyproject=PROJECT, files=REQUIRES)[1])
PAGE = {
    "files": [{"filename": "a-1.tar.gz", "url": "a-1.tar.gz", "hashes": {"sha256": "ab" * 32}, "yanked": "x"}]
}


def check(data: bytes) -> None:
    text = read_or_say(lambda: read_sdist_metadata(io.BytesIO(data), "a-1.0.tar.gz"), SourceError)
    if text is not None:
        stated = WheelMetadata(len(data), text)
        assert len(stated.values("Name")) == len(stated.values(BUILD_BACKEND)) == 1


@fuzz
@given(mutants(TAR))
def test_changed_bytes(data: bytes) -> None:
    check(gzip.compress(data, 1, mtime=0))


@fuzz
@given(mutants(gzip.compress(TAR, mtime=0)))
def test_a_changed_stream(data: bytes) -> None:
    check(data)


@fuzz
@given(TEXTS, TEXTS, TEXTS)
def test_texts_that_lie(version: str, project: str, requires: str) -> None:
    version, project, requires = (
        text.encode(errors="replace").decode() for text in (version, project, requires)
    )
    files = {"a.egg-info/requires.txt": requires}
    check(make_sdist("a", metadata=version, pyproject=project, files=files)[1])


@fuzz
@given(documents(PAGE) | mutants(b"<a href='a-1.tar.gz' data-yanked>x</a>"), st.sampled_from([JSON, HTML]))
def test_a_page(data: bytes, kind: str) -> None:
    found = read_or_say(lambda: list_page(data, kind, "http://index.example/simple/a/"), SourceError)
    if found is not None and all(isinstance(each.file, IndexFile) for each in found):
        write_page(found)


def test_what_nobody_changed_is_read() -> None:
    text = read_sdist_metadata(io.BytesIO(gzip.compress(TAR)), "a-1.0.tar.gz")
    assert WheelMetadata(0, text).values("Requires-Dist") == (
        "d",
        'f; python_version > "3" and extra == "e"',
    )
