from __future__ import annotations

import pytest

from envbuild.core.text import escape, excerpt


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain `ü` 漢", "plain `ü` 漢"),
        ("a\nhint: run this", r"a\nhint: run this"),  # else a text could pass for a hint of ours
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\u202eturned\u2028", r"\u202eturned\u2028"),
        ("\ud800", r"\ud800"),
    ],
)
def test_foreign_text_is_shown_on_one_line(text: str, shown: str) -> None:
    assert escape(text) == excerpt(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:hush@host/c", "https://***@host/c"),
        ("https:/host/t/hush/c", "https:/host/t/***/c"),
        ("x[channel=https://host/t/hush]", "x[channel=https://host/t/***]"),
        ("//folder/t/plain:name", "//folder/t/plain:name"),
        ("src/t/plain.py", "src/t/plain.py"),
    ],
)
def test_an_excerpt_holds_no_credentials(text: str, shown: str) -> None:
    assert excerpt(text) == shown
    # Also where it is cut.
    assert "hush" not in excerpt(text[:7] + "long" * 20 + text[7:])


def test_an_excerpt_is_short() -> None:
    assert excerpt("a" * 80) == "a" * 80
    assert excerpt("a" * 10_000) == "a" * 80 + "..."
