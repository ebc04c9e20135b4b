"""The quick ways out: `build` and `push` with nothing to do, and `version`, before click is imported."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence

from envbuild import __version__
from envbuild.graph import memo

VERSION_LINE = f"envbuild {__version__}\n"

# What these ask for goes beyond the remembered answer.
_NEVER = ("--events", "--profile", "--no-memo", "--help", "-v", "--verbose")


def answer(arguments: list[str], environment: Mapping[str, str]) -> str | None:
    """What the command prints, where that is known without looking at the workspace."""
    return VERSION_LINE if arguments == ["version"] else answer_from_memo(arguments, environment)


def answer_from_memo(arguments: list[str], environment: Mapping[str, str]) -> str | None:
    """What `build` printed for the same question, if all it rests on is as it was."""
    if not may_remember(arguments) or _publishes(arguments):
        return None
    return memo.recall(*_find_question(arguments, environment))


def answer_from_registry(arguments: list[str], environment: Mapping[str, str]) -> int | None:
    """The exit code of a command that published before: nothing has changed, and the registry has it."""
    if not may_remember(arguments) or not _publishes(arguments):
        return None
    text, published = memo.recall_published(*_find_question(arguments, environment)) or ("", memo.NOTHING)
    if not published:
        return None
    from envbuild.cli import published as publishing

    return publishing.answer(text, published, arguments)


def answer_from_graph(arguments: list[str], environment: Mapping[str, str]) -> int | None:
    """The exit code of a `build` by the graph that was kept of the one before; None where there is none."""
    if not may_remember(arguments):
        return None
    folder, key = _find_question(arguments, environment)
    begun = time.time_ns()
    text = memo.read_graph(folder, key)
    if not text:
        return None
    if text.startswith(memo.STEPS_BEGIN):
        from envbuild.execute.sandbox.forker import FORKER

        FORKER.prepare()  # what it loads, it loads while we load the rest
    from envbuild.graph.kept import find_graph

    kept = find_graph(text)
    if kept is None:
        return None
    from envbuild.cli.rebuild import rebuild

    return rebuild(kept, arguments, cache_folder(arguments, environment), folder, key, begun)


def _find_question(arguments: list[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """The folder that answers are in, and the key of this command's."""
    folder = memo_folder(cache_folder(arguments, environment))
    return folder, memo.question_key(__version__, arguments, environment)


def say(text: str) -> int:
    """Print a result; returns the exit code, which is 1 where nobody reads it, as click has it."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return 1
    except OSError as error:
        sys.stderr.write(f"error: the result cannot be written: {error.strerror}\n")
        return 4  # ExitCode.SERVICE
    return 0


def may_remember(arguments: list[str]) -> bool:
    """Whether the command is one whose whole result is what it prints, and what a registry has."""
    options = (argument.partition("=")[0] for argument in arguments)
    return arguments[:1] in (["build"], ["push"]) and not any(option in _NEVER for option in options)


def _publishes(arguments: list[str]) -> bool:
    return arguments[0] == "push" or "--push" in arguments


def cache_folder(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """`--cache-dir`, else `ENVBUILD_CACHE_DIR`, else the XDG cache folder."""
    for n, argument in enumerate(arguments):
        if argument == "--cache-dir" and n + 1 < len(arguments):
            return os.path.abspath(arguments[n + 1])  # noqa: PTH100 (pathlib is slow to import)
        if argument.startswith("--cache-dir="):
            return os.path.abspath(argument.partition("=")[2])  # noqa: PTH100
    stated = environment.get("ENVBUILD_CACHE_DIR")
    if stated:
        return os.path.abspath(stated)  # noqa: PTH100
    home = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return f"{home}/envbuild"


def memo_folder(cache: str) -> str:
    """Where answers are remembered."""
    return f"{cache}/memo"
