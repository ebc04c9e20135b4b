"""File modes as words, such as `u=rwX,go-w` (POSIX, chmod, "Extended description"), without a umask."""

from __future__ import annotations

from typing import Final

from envbuild.core.pattern import compile_later

_CLAUSE: Final = compile_later(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)\Z")
_CHANGE: Final = compile_later(r"([-+=])([ugorwxXst]*)")
_SHIFTS: Final = {"u": 6, "g": 3, "o": 0}
_BITS: Final = {"r": 4, "w": 2, "x": 1}
_SPECIAL: Final = {"u": 0o4000, "g": 0o2000}
_STICKY: Final = 0o1000


def is_mode(text: str) -> bool:
    """Whether it says how to change a mode."""
    return all(_CLAUSE.match(clause) for clause in text.split(","))


def change_mode(text: str, mode: int, *, is_folder: bool) -> int:
    """The mode that it makes of another; `X` is `x` for folders and for what somebody may execute."""
    for clause in text.split(","):
        match = _CLAUSE.match(clause)
        assert match is not None
        whom = "ugo" if not match[1] or "a" in match[1] else match[1]
        for sign, words in _CHANGE.findall(match[2]):
            mode = _apply(mode, whom, sign, words, is_folder=is_folder)
    return mode


def _apply(mode: int, whom: str, sign: str, words: str, *, is_folder: bool) -> int:
    stated = _read(mode, whom, words, is_folder=is_folder)
    if sign == "+":
        return mode | stated
    if sign == "-":
        return mode & ~stated
    return mode & ~_read(mode, whom, "rwxs", is_folder=is_folder) | stated


def _read(mode: int, whom: str, words: str, *, is_folder: bool) -> int:
    """The bits that words mean for users."""
    bits = 0
    for word in words:
        if word in _SHIFTS:
            bits |= mode >> _SHIFTS[word] & 7
        elif word == "X":
            bits |= 1 if is_folder or mode & 0o111 else 0
        else:
            bits |= _BITS.get(word, 0)
    found = sum(bits << _SHIFTS[user] for user in set(whom))
    if "s" in words:
        found |= sum(_SPECIAL.get(user, 0) for user in set(whom))
    return found | (_STICKY if "t" in words and set(whom) != {"o"} else 0)
