"""Words against what BuildKit makes of them: the cases are of the kinds of its own table of tests."""

from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.spec.dockerfile.words import expand_word, expand_words

VARIABLES = {"PWD": "/home", "EMPTY": "", "SHELL": "bash", "TWO": "a b", "PATHS": "/a/b.tar.gz", "1": "one"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        ('he"l l"o', "hel lo"),
        ("he'$PWD'x", "he$PWDx"),
        ('"$PWD"', "/home"),
        ("he\\$PWD", "he$PWD"),
        ('"he\\$PWD"', "he$PWD"),
        ('"he\\llo"', "he\\llo"),
        ("'he\\llo'", "he\\llo"),
        ("he\\\\$PWD", "he\\/home"),
        ("\\'x\\'", "'x'"),
        ("$PWDx", ""),
        ("${PWD}x", "/homex"),
        ("$PWD/x", "/home/x"),
        ("$", "$"),
        ("$$", ""),  # the shell's own number, which nobody has set
        ("a$.b", "a$.b"),
        ("$1x", "onex"),
        ("${UNSET}", ""),
        ("${UNSET:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY-default}", ""),
        ("${UNSET-default}", "default"),
        ("${PWD:-default}", "/home"),
        ("${UNSET:-}", ""),
        ("${PWD:+set}", "set"),
        ("${EMPTY:+set}", ""),
        ("${EMPTY+set}", "set"),
        ("${UNSET+set}", ""),
        ("${UNSET:-$PWD}", "/home"),
        ("${UNSET:-${OTHER:-deep}}", "deep"),
        ("${UNSET:-'a}b'}", "a}b"),
        ("${PWD:?must be}", "/home"),
        ("${PATHS#*/}", "a/b.tar.gz"),
        ("${PATHS##*/}", "b.tar.gz"),
        ("${PATHS%.*}", "/a/b.tar"),
        ("${PATHS%%.*}", "/a/b"),
        ("${PATHS/b/c}", "/a/c.tar.gz"),
        ("${PATHS//a/x}", "/x/b.txr.gz"),
        ("${PATHS/./}", "/a/btar.gz"),
        ("${PATHS#none}", "/a/b.tar.gz"),
        ("${PATHS#[/]}", "/a/b.tar.gz"),  # brackets are characters as any other
        ("${PATHS//\\//-}", "-a-b.tar.gz"),
        ("${PATHS/a/\\/}", "/\\//b.tar.gz"),  # of a replacement the escape stays
        ("${PATHS//*/x}", "x"),  # once: behind all there is nothing more
        ("${SHELL//s*/}", "ba"),
        ("${SHELL%'sh'}", "ba"),
        ('${SHELL#"${SHELL%ash}"}', "ash"),
        ("${UNSET:-${SHELL%h}\\}}", "bas}"),
        ("$12x", "x"),
        ("$PWDé ${PWD}é", " /homeé"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand_word(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b  c", ("a", "b", "c")),
        ("'a b' c", ("a b", "c")),
        ("$TWO", ("a", "b")),
        ("x$TWO", ("xa", "b")),
        ('"$TWO"', ("a b",)),
        ("$EMPTY x", ("x",)),
        ('"" x', ("", "x")),
        ("", ()),
    ],
)
def test_words(text: str, expected: tuple[str, ...]) -> None:
    assert expand_words(text, VARIABLES) == expected


def test_another_escape_character() -> None:
    assert expand_word("C:\\dir`$PWD", VARIABLES, "`") == "C:\\dir$PWD"


@pytest.mark.parametrize(
    "text",
    [
        "'open",
        '"open',
        "${",
        "${PWD",
        "${PWD:",
        "${PWD:=x}",
        "${}",
        "${UNSET:?why}",
        "${PWD:-x",
        "${PWD^^}",
        "${PWD/a}",
        "${PWD#\\a}",
    ],
)
def test_what_is_broken(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        expand_word(text, VARIABLES)
    assert text[:4] in caught.value.message or "why" in caught.value.message
