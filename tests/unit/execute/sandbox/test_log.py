from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.execute.sandbox.log import StepLog


def take(path: Path, secrets: list[bytes], pieces: list[bytes]) -> list[str]:
    lines: list[str] = []
    with StepLog(path / "log", secrets, lines.append) as log:
        for piece in pieces:
            log.take(piece)
    return lines


def test_lines_whatever_the_pieces(tmp_path: Path) -> None:
    text = b"one\n\ntwo\xc3\xa4\n last"
    expected = ["one", "", "twoä", " last"]
    assert take(tmp_path, [], [text]) == expected
    assert take(tmp_path, [], [bytes([byte]) for byte in text]) == expected
    assert (tmp_path / "log").read_bytes() == text + b"\n"


def test_what_a_progress_bar_wrote_over_is_kept_in_the_file_only(tmp_path: Path) -> None:
    assert take(tmp_path, [], [b"10%\r20%\r\n", b"\rdone\n"]) == ["20%", "done"]
    assert (tmp_path / "log").read_bytes() == b"10%\r20%\r\n\rdone\n"


@pytest.mark.parametrize("cut", range(1, 20))
def test_secrets_are_hidden_wherever_the_output_is_cut(tmp_path: Path, cut: int) -> None:
    text = b"a hunter2 b hunter2\n"
    assert take(tmp_path, [b"hunter2"], [text[:cut], text[cut:]]) == ["a *** b ***"]
    assert b"hunter2" not in (tmp_path / "log").read_bytes()


def test_each_line_of_a_secret_is_hidden(tmp_path: Path) -> None:
    key = b"-----BEGIN KEY-----\nAAAABBBB\n  CCCCDDDD\n-----END KEY-----\n"
    assert take(tmp_path, [key, b"BBBB"], [key, b"xAAAABBBB\n"]) == ["***", "***", "  ***", "***", "x***"]


def test_short_secrets_would_hide_half_of_any_text(tmp_path: Path) -> None:
    assert take(tmp_path, [b"a\n", b""], [b"banana\n"]) == ["banana"]


@pytest.mark.parametrize("offset", range(-9, 9))
def test_a_line_without_end_is_told_in_pieces_without_its_secrets(tmp_path: Path, offset: int) -> None:
    text = b"x" * ((1 << 16) + offset) + b"hunter2" + b"y" * 100
    pieces = [text[n : n + 1000] for n in range(0, len(text), 1000)]
    told = "".join(take(tmp_path, [b"hunter2"], pieces))
    assert told == text.replace(b"hunter2", b"***").decode()


def test_the_tail_is_short(tmp_path: Path) -> None:
    with StepLog(tmp_path / "log", [], lambda _: None) as log:
        log.take(b"".join(b"%d\n" % n for n in range(100)))
    assert list(log.tail) == [str(n) for n in range(80, 100)]
