"""Rules: what a kind of target may state, what it must have locked, and what it declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.rule import attr
from envbuild.spec.attribute import Attribute

if TYPE_CHECKING:
    from envbuild.lock.model import Question
    from envbuild.rule.context import Context
    from envbuild.rule.image import Image

    Implementation = Callable[[Context], Image]
    Ask = Callable[[Context], Question | None]

# What every target may state, whatever its rule.
COMMON = {"platforms": attr.platforms(doc="the platforms it is built for")}


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of target. `question` (None: nothing is locked) and `implementation` are pure functions.

    `attributes` hold the common ones, too; `name` is no attribute: every target has one. `own` ones are the
    workspace's.
    """

    name: str
    doc: str
    attributes: Mapping[str, Attribute]
    implementation: Implementation
    question: Ask | None = None
    own: bool = False


def rule(
    *, attributes: Mapping[str, Attribute], question: Ask | None = None
) -> Callable[[Implementation], Rule]:
    """Make a function a rule of its name; its docstring documents the rule. Raises SpecError."""
    for name in ("name", *COMMON):
        if name in attributes:
            raise SpecError(f"every rule has the attribute `{name}` already", hint="choose another name")

    def make(implementation: Implementation) -> Rule:
        doc = (implementation.__doc__ or "").strip()
        return Rule(implementation.__name__, doc, {**attributes, **COMMON}, implementation, question)

    return make
