"""Where the process begins: a no-op build is answered before anything heavy is imported."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> int:
    """Run the command line; returns the exit code (INTERFACE: docs/commands.md)."""
    if sys.getfilesystemencoding() != "utf-8":
        _begin_in_utf8()
    from envbuild.cli.quick import answer, answer_from_graph, answer_from_registry, say

    text = answer(sys.argv[1:], os.environ)
    if text is not None:
        return say(text)
    # What starting makes lives to the end: to look for garbage among it takes a tenth of the start.
    gc.set_threshold(50_000)
    for answer_otherwise in (answer_from_registry, answer_from_graph):
        code = answer_otherwise(sys.argv[1:], os.environ)
        if code is not None:
            return code
    from envbuild.cli.main import run

    return run(sys.argv[1:])


def program() -> NoReturn:
    """Run the command line, and end without taking Python down, which takes longer than to tell what is new.

    And threads of rattler may still be about to let go of its objects: they crash where there is no
    interpreter any more (PyO3/pyo3-async-runtimes, issue 40).
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody listens
            stream.flush()
    atexit._run_exitfuncs()  # noqa: SLF001 (there is no other way to have them run)
    os._exit(code)


def _begin_in_utf8() -> None:
    """Begin anew in Python's UTF-8 mode (PEP 540): names of files are the same text in every locale."""
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 (no shell is wanted)


if __name__ == "__main__":
    program()
