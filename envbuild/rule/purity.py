"""Watches code that must be a pure function: what it opens without having been given it is an error.

By audit hooks (PEP 578). They see what Python itself does for the code, also where the code catches the
error; not what an extension module does in C, nor a look at the clock or the environment: this guards
against mistakes, not against malice.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Final

# Of the events in Python's audit table: what reads or changes the machine. The first argument says what.
_FILES: Final = ("listdir", "scandir", "mkdir", "remove", "rename", "link", "symlink", "chmod", "truncate")
_PROGRAMS: Final = ("system", "exec", "fork", "posix_spawn")
_SOCKETS: Final = ("__new__", "connect", "getaddrinfo", "bind")
_FORBIDDEN: Final = frozenset(
    (
        "open",
        "subprocess.Popen",
        "sqlite3.connect",
        *(f"os.{name}" for name in (*_FILES, *_PROGRAMS)),
        *(f"socket.{name}" for name in _SOCKETS),
    )
)
_IMPORTERS: Final = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")


class Undeclared(Exception):
    """Something was used that was not declared; its text says what."""


class _State(threading.local):
    given: Collection[str] | None = None
    seen: str = ""


_state = _State()


@contextmanager
def watch_purity(given: Collection[str] = ()) -> Iterator[None]:
    """Refuse, in this thread, whatever reads or changes the machine, but for files that are `given`.

    Raises Undeclared at once, and again at the end where the code caught it.
    """
    _install()
    before = _state.given, _state.seen
    _state.given, _state.seen = given, ""
    try:
        yield
    except Exception as error:
        if _state.seen and not isinstance(error, Undeclared):
            raise Undeclared(_state.seen) from error
        raise
    else:
        if _state.seen:
            raise Undeclared(_state.seen)
    finally:
        _state.given, _state.seen = before


@contextmanager
def unwatched() -> Iterator[None]:
    """Let this thread do as it likes, inside of what is watched."""
    before = _state.given
    _state.given = None
    try:
        yield
    finally:
        _state.given = before


@cache
def _install() -> None:
    """Hooks stay until the process ends; this one does nothing for threads that are not watched."""
    sys.addaudithook(_judge)


def _judge(event: str, arguments: tuple[object, ...]) -> None:
    if _state.given is None or event not in _FORBIDDEN:
        return
    what = arguments[0] if arguments else ""
    if isinstance(what, bytes | os.PathLike):
        what = os.fsdecode(what)
    if isinstance(what, str) and event == "open" and what in _state.given:
        return
    if event == "open" and isinstance(what, int):  # a file that is open already
        return
    if _is_import(sys._getframe()):  # noqa: SLF001 - the documented way to look at one's callers
        return
    subject = f" of `{what}`" if isinstance(what, str) and what else ""
    _state.seen = f"`{event}`{subject}"
    raise Undeclared(_state.seen)


def _is_import(frame: FrameType | None) -> bool:
    """Whether an import is going on: modules may be loaded late."""
    while frame is not None:
        if frame.f_code.co_filename in _IMPORTERS:
            return True
        frame = frame.f_back
    return False
