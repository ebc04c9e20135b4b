"""How a command that fails says so: to people on stderr, to programs that asked for JSON on stdout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from envbuild.core.errors import EnvbuildError, ErrorGroup, ExitCode


class WithResults(ErrorGroup):
    """Errors of a command that has `results` nevertheless, which are printed and tell of them."""

    def __init__(self, results: str, errors: Sequence[EnvbuildError]) -> None:
        super().__init__(errors)
        self.results = results


def report(error: BaseException, arguments: Sequence[str]) -> int:
    """Tell of what a command line ended with; returns the exit code.

    With `--output json`, stdout gets one object: the command's own, else one with an `error`. A program
    that reached its time limit has had stdout for itself.
    """
    from envbuild.ui.failure import describe_failure

    if isinstance(error, WithResults):
        sys.stdout.write(error.results)
    elif _stated(arguments, "--output") == "json" and _exit_code(error) != ExitCode.TIME_LIMIT:
        sys.stdout.write(json.dumps({"error": describe_failure(error, _exit_code(error))}) + "\n")
    sys.stderr.write(_render(error, _stated(arguments, "--color") or "auto"))
    return _exit_code(error)


def _exit_code(error: BaseException) -> int:
    if isinstance(error, EnvbuildError):
        return error.exit_code
    return ExitCode.INTERRUPTED if isinstance(error, KeyboardInterrupt) else ExitCode.BUG


def _render(error: BaseException, color: str) -> str:
    from envbuild.ui.failure import render_crash, render_failure
    from envbuild.ui.text import allow_color

    if isinstance(error, KeyboardInterrupt):
        return "interrupted\n"
    if isinstance(error, EnvbuildError):
        return render_failure(error, color=allow_color(color, sys.stderr, os.environ))
    return render_crash(error)


def _stated(arguments: Sequence[str], option: str) -> str:
    """An option's value on a command line that may be wrong elsewhere; the last one counts, "" is none."""
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    value = ""
    for argument, following in pairwise((*ours, "")):
        name, given, text = argument.partition("=")
        if name == option:
            value = text if given else following
    return value
