"""Modes as words against what chmod and BuildKit make of them."""

from __future__ import annotations

import pytest

from envbuild.archive.file_mode import change_mode, is_mode


@pytest.mark.parametrize(
    ("text", "mode", "file", "folder"),
    [
        ("+x", 0o644, 0o755, 0o755),
        ("u+x", 0o644, 0o744, 0o744),
        ("a+rX", 0o640, 0o644, 0o755),
        ("a+X", 0o700, 0o711, 0o711),
        ("go-w", 0o777, 0o755, 0o755),
        ("u=rwX,go=rX", 0o600, 0o644, 0o755),
        ("u=rwx,g=rx,o=", 0o777, 0o750, 0o750),
        ("a=r", 0o6755, 0o444, 0o444),
        ("g=u", 0o740, 0o770, 0o770),
        ("go=u-w", 0o700, 0o755, 0o755),
        ("ug+s", 0o755, 0o6755, 0o6755),
        ("o+s", 0o755, 0o755, 0o755),
        ("+t", 0o755, 0o1755, 0o1755),
        ("o+t", 0o755, 0o755, 0o755),
        ("u-s+x", 0o4644, 0o744, 0o744),
        ("=", 0o777, 0, 0),
    ],
)
def test_what_words_make(text: str, mode: int, file: int, folder: int) -> None:
    assert is_mode(text)
    found = [change_mode(text, mode, is_folder=is_folder) for is_folder in (False, True)]
    assert found == [file, folder]


@pytest.mark.parametrize("text", ["", "x", "u", "u+x,", "888", "u+y", "b+x", "u x", "+x\n"])
def test_what_is_no_mode(text: str) -> None:
    assert not is_mode(text)
