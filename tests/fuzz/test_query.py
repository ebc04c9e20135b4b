"""Query expressions, labels and patterns."""

from __future__ import annotations

from hypothesis import given

from envbuild.core.errors import SpecError, UsageError
from envbuild.core.label import Label, Pattern
from envbuild.core.platform import Libc, Platform
from envbuild.graph.query_parser import parse_query
from envbuild.oci.reference import RegistryName
from tests.makers.documents import TEXTS, read_or_say, words
from tests.makers.mutants import fuzz

PIECES = [
    *("deps(", "rdeps(", "kind(", "attr(", "somepath(", "set(", "(", ")", ",", " "),
    *(" + ", " - ", " ^ ", " union ", "//a:b", "//...", ":all", "-//a", "'", '"', "9"),
    *("'a{999999999}'", "(" * 300, "'" + "(" * 3000 + "'"),
]


@fuzz
@given(words(*PIECES))
def test_a_query(text: str) -> None:
    read_or_say(lambda: parse_query(text, "a"), UsageError)


@fuzz
@given(words("//", "/", "...", ":", "a", "all", "-", ".", "..", "a/" * 3000) | TEXTS)
def test_labels_and_patterns_come_back(text: str) -> None:
    label = read_or_say(lambda: Label.parse(text, package="x"), SpecError)
    assert label is None or Label.parse(str(label)) == label
    pattern = read_or_say(lambda: Pattern.parse(text, package="x"), SpecError)
    assert pattern is None or pattern.exact is None or Label.parse(str(pattern.exact)) == pattern.exact


@fuzz
@given(
    words("linux", "/", "amd64", "arm64", "v8", "glibc ", "musl ", "2", ".", "36", "\u0662", "h", ":", "5000")
    | TEXTS
)
def test_platforms_libraries_and_registries_come_back(text: str) -> None:
    platform = read_or_say(lambda: Platform.parse(text), SpecError)
    assert platform is None or Platform.parse(str(platform)) == platform
    libc = read_or_say(lambda: Libc.parse(text), SpecError)
    assert libc is None or Libc.parse(str(libc)) == libc
    registry = read_or_say(lambda: RegistryName.parse(text), UsageError)
    assert registry is None or RegistryName.parse(str(registry)) == registry


def test_what_nobody_changed_is_read() -> None:
    assert parse_query("deps(//a:b, 2) + set(//c :d)", "a")
