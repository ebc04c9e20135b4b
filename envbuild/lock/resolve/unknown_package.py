"""A package that no index has: what to do about it, whichever solver says so."""

from __future__ import annotations

from envbuild.lock.model import PythonQuestion
from envbuild.spec.problems import suggest_near


def suggest_package(name: str, question: PythonQuestion) -> str:
    """A hint; no index tells all its names, but the lock so far, the base and what is pinned have some."""
    pinned = {package for index in question.indexes for package in index.packages}
    near = suggest_near(name, {*question.preferences, *question.pins, *pinned})
    return (
        near
        or f"`{name}` is in no index ({name_indexes(question)}): correct its name, or add one that has it"
    )


def name_indexes(question: PythonQuestion) -> str:
    """The aliases of the indexes that are asked."""
    return ", ".join(f"`{index.alias}`" for index in question.indexes) or "there is none"
