"""The one place where errors become text."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from envbuild import __version__
from envbuild.core.errors import EnvbuildError, ErrorGroup
from envbuild.core.pattern import compile_later
from envbuild.ui.text import printable

_RED, _CYAN, _RESET = "\x1b[1;31m", "\x1b[36m", "\x1b[0m"
_CRASHED = f"envbuild crashed: this is a bug of envbuild {__version__}"
_ALIKE = 4  # so many errors that share a hint are shown
# What libraries' words may hold: logins in URLs, headers, and fields of forms and of JSON.
_SECRETS = (
    (compile_later(r"(?<=://)[^\s'\"`]*@"), ""),
    (compile_later(r"(?i)\b(basic|bearer)(\s+)[A-Za-z0-9._~+/=|-]{4,}"), r"\1\2***"),
    (
        compile_later(r"(?i)(\w*(?:token|password|secret|credential)\w*)(=|[\"']:\s*[\"'])[^\s&,\"'})]+"),
        r"\1\2***",
    ),
)


def render_failure(error: EnvbuildError, *, color: bool) -> str:
    """`error: ...` and `hint: ...` for an error, or for each of a group; ends with a line end.

    A place in a file comes first (`BUILD.yaml:3:5: error: ...`), where editors look for it. Of errors
    without a place that share a hint, the first few are shown: one cause made them all.
    """
    groups = groupby(_flatten([error]), key=lambda each: "" if each.location else each.hint)
    return "".join(_render_group(list(group), hint, color=color) for hint, group in groups)


def describe_failure(error: BaseException, code: int) -> dict[str, Any]:
    """The object for programs: what the command ended with, of several errors also `errors`, one by one."""
    if isinstance(error, EnvbuildError):
        flat = _flatten([error])
        several = {"errors": [_describe(each, each.exit_code) for each in flat]} if len(flat) > 1 else {}
        return {**_describe(flat[0] if len(flat) == 1 else error, code), **several}
    crashed = not isinstance(error, KeyboardInterrupt)
    text, hint = (_CRASHED, "report it with what stderr says") if crashed else ("interrupted", "")
    return _describe(EnvbuildError(text, hint=hint), code)


def render_crash(error: BaseException) -> str:
    """A report of a bug, to be sent to us: no colours, and no credentials as far as their look tells."""
    trace = "".join(traceback.format_exception(error))
    text = (
        f"{trace}\n"
        f"error: {_CRASHED}\n"
        f"hint: report it with all of the above, the command, and this line: "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}\n"
    )
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return printable(text)


def _flatten(errors: Sequence[EnvbuildError]) -> list[EnvbuildError]:
    flat: list[EnvbuildError] = []
    for error in errors:
        flat += _flatten(error.errors) if isinstance(error, ErrorGroup) else [error]
    return flat


def _describe(error: EnvbuildError, code: int) -> dict[str, Any]:
    location = asdict(error.location) if error.location else None
    return {"code": code, "message": error.message, "hint": error.hint, "location": location}


def _render_group(errors: Sequence[EnvbuildError], hint: str, *, color: bool) -> str:
    """Errors, each with its hint, or with the `hint` that all of them share once at the end."""
    if not hint:
        return "".join(_render(each, color=color) + _render_hint(each.hint, color=color) for each in errors)
    shown = errors if len(errors) <= _ALIKE else errors[: _ALIKE - 1]
    more = f"and {len(errors) - len(shown)} more like these\n" if len(shown) < len(errors) else ""
    return "".join(_render(each, color=color) for each in shown) + more + _render_hint(hint, color=color)


def _render(error: EnvbuildError, *, color: bool) -> str:
    where = f"{printable(str(error.location))}: " if error.location else ""
    return f"{where}{_paint('error', _RED, on=color)}: {printable(error.message)}\n"


def _render_hint(hint: str, *, color: bool) -> str:
    return f"{_paint('hint', _CYAN, on=color)}: {printable(hint)}\n" if hint else ""


def _paint(word: str, style: str, *, on: bool) -> str:
    return f"{style}{word}{_RESET}" if on else word
