from __future__ import annotations

import io

import pytest

from envbuild.ui.text import allow_color, format_size, one_line, printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain `ü` 漢\nnext", "plain `ü` 漢\nnext"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("over\rwritten\t", r"over\rwritten\t"),
        ("\u202eturned", r"\u202eturned"),  # right-to-left override
        ("\x9bcsi \ud800", r"\x9bcsi \ud800"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_nothing_but_text_reaches_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_one_line() -> None:
    assert one_line("first\x1b\nsecond") == r"first\x1b"


@pytest.mark.parametrize(
    ("choice", "terminal", "environment", "allowed"),
    [
        ("auto", True, {"TERM": "xterm"}, True),
        ("auto", False, {"TERM": "xterm"}, False),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),  # no-color.org: only when not empty
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_who_decides_about_colour(
    choice: str, terminal: bool, environment: dict[str, str], allowed: bool
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    assert allow_color(choice, stream, environment) is allowed


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (16_234_567, "16.2 MB"), (999_960_000, "1.0 GB")],
)
def test_sizes(size: int, text: str) -> None:
    assert format_size(size) == text
