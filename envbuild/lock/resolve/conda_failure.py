"""What rattler said when it found no solution, as an error for users."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from envbuild.core.errors import ResolveError
from envbuild.core.pattern import compile_later
from envbuild.core.text import escape
from envbuild.lock.model import CondaQuestion
from envbuild.spec.problems import suggest_among

_PREFIX = compile_later(r"^\s*Cannot solve the request because of:\s*")
_MISSING = compile_later(r"No candidates were found for ([^\s]+)")
_VIRTUAL = compile_later(r"\b(__[a-z0-9_]+)")


def explain_failure(text: str, question: CondaQuestion, known: Callable[[], Iterable[str]]) -> ResolveError:
    """The error for rattler's words: a tree of causes, a line each; `known` are all packages' names."""
    lines = [line.rstrip() for line in _PREFIX.sub("", text).splitlines()]
    causes = [escape(line) for line in lines if line.strip()]
    return ResolveError(
        "the conda packages have no solution",
        hint=_hint(text, question) or _suggest(text, known),
        causes=causes,
    )


def _hint(text: str, question: CondaQuestion) -> str:
    offered = {each.partition("=")[0]: each.replace("=", " ", 1) for each in question.virtual}
    asked = sorted(set(_VIRTUAL.findall(text)))
    if asked:
        name = asked[0]
        has = (
            f"the target offers `{offered[name].partition('=')[0]}`"
            if name in offered
            else f"the target offers no `{name}`"
        )
        return f"{has}: state another base, or `virtual_packages: {{{name}: ...}}`"
    return ""


def _suggest(text: str, known: Callable[[], Iterable[str]]) -> str:
    names = set(known()) if _MISSING.search(text) else set()
    near = (suggest_among(name, names) for name in _MISSING.findall(text) if name not in names)
    other = "relax one of the requirements above, correct its name, or add a channel that has it"
    return next(filter(None, near), other)
