"""What rattler said when it found no solution, as an error for users."""

from __future__ import annotations

import re

from envbuild.core.errors import ResolveError
from envbuild.core.text import escape
from envbuild.lock.model import CondaQuestion

_PREFIX = re.compile(r"^\s*Cannot solve the request because of:\s*")
_VIRTUAL = re.compile(r"\b(__[a-z0-9_]+)")


def explain_failure(text: str, question: CondaQuestion) -> ResolveError:
    """The error for rattler's words: a tree of causes, a line each."""
    lines = [line.rstrip() for line in _PREFIX.sub("", text).splitlines()]
    causes = [escape(line) for line in lines if line.strip()]
    return ResolveError("the conda packages have no solution", hint=_hint(text, question), causes=causes)


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
    return "relax one of the requirements above, correct its name, or add a channel that has it"
