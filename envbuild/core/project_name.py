"""Names of Python projects."""

from __future__ import annotations

from envbuild.core.pattern import compile_later

_SEPARATORS = compile_later(r"[-_.]+")


def normalise(name: str) -> str:
    """The normal form of a project's or an extra's name (PEP 503, PEP 685).

    `packaging` makes the same of it, and takes 10 ms to import.
    """
    return _SEPARATORS.sub("-", name).lower()
