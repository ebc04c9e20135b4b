"""Faults of a workspace's own rules: reported at their line, and never as bugs of envbuild.

Reading a file, asking the network and running a program are such faults, too.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from envbuild.core.dataclass import replace
from envbuild.core.errors import EnvbuildError, Location, SpecError
from envbuild.rule.image import Image
from envbuild.rule.kind import Rule
from envbuild.rule.purity import Undeclared, watch_purity

if TYPE_CHECKING:
    from envbuild.rule.context import Context

_T = TypeVar("_T")


def guard_rule(rule: Rule, path: Path, shown: str) -> Rule:
    """The rule with every exception of its functions, which lie in `path`, as a SpecError."""

    def implementation(context: Context) -> Image:
        image = call(rule.implementation, context)
        if not isinstance(image, Image):
            message = f"`{context.label}`: the rule `{rule.name}` returned no image"
            raise SpecError(message, hint="return `ctx.image(...)`", location=rule_place(rule, shown))
        return image

    def call(function: Callable[[Context], _T], context: Context) -> _T:
        try:
            with watch_purity():
                return function(context)
        except EnvbuildError:
            raise
        except Undeclared as error:
            place = Location(shown, failing_line(error, path) or rule_place(rule, shown).line)
            message = f"`{context.label}`: the rule `{rule.name}` used {error}, and a rule only declares"
            hint = "take files as attributes (`attr.file`, `attr.files`), and all else as text"
            raise SpecError(message, hint=hint, location=place) from error
        except Exception as error:
            place = Location(shown, failing_line(error, path))
            fault = f"{type(error).__name__}: {error}"
            message = f"`{context.label}`: the rule `{rule.name}` failed: {fault}"
            raise SpecError(message, location=place) from error

    question = functools.partial(call, rule.question) if rule.question else None
    return replace(rule, implementation=implementation, question=question, own=True)


def failing_line(error: BaseException, path: Path) -> int:
    """The line of `path` that was running; 0 where none was."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == str(path)), 0)


def rule_place(rule: Rule, shown: str) -> Location:
    """Where a rule's function begins."""
    code = getattr(rule.implementation, "__code__", None)
    return Location(shown, code.co_firstlineno if code else 0)
