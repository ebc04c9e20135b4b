"""Errors of one file, collected so that they are reported together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from envbuild.core.errors import EnvbuildError, ErrorGroup, Location, SpecError

_UNKNOWN = Location("")
_MOST_MISTYPED = 3  # letters that a wrong name has too many or too few


class Problems:
    """Spec errors found so far."""

    def __init__(self) -> None:
        self._errors: list[EnvbuildError] = []

    def __bool__(self) -> bool:
        return bool(self._errors)

    def add(self, message: str, location: Location, hint: str = "") -> None:
        """Note an error at a place."""
        self._errors.append(SpecError(message, hint=hint, location=location))

    def catch(self, error: EnvbuildError, location: Location) -> None:
        """Note an error raised elsewhere; it happened at `location` unless it says where itself."""
        for each in error.errors if isinstance(error, ErrorGroup) else (error,):
            if each.location is None:
                self.add(each.message, location, each.hint)
            else:
                self._errors.append(each)

    def raise_if_any(self) -> None:
        """Raise all as one ErrorGroup in the order of their places; a single one is raised as itself."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise ErrorGroup(sorted(self._errors, key=lambda error: error.location or _UNKNOWN))


def suggest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to `word`, else all of them; "" where there are none."""
    words = sorted(known)
    listed = "known: " + ", ".join(f"`{each}`" for each in words) if words else ""
    return suggest_near(word, words) or listed


def suggest_among(word: str, known: Iterable[str]) -> str:
    """A hint that names up to three of very many known words that are near to `word`; "" where none is.

    Only those that begin or end alike are compared: of 60,000 names, all would take seconds.
    """
    alike = (each for each in known if each[:2] == word[:2] or each[-2:] == word[-2:])
    candidates = sorted(each for each in alike if abs(len(each) - len(word)) <= _MOST_MISTYPED)
    near = difflib.get_close_matches(word, candidates, n=3, cutoff=0.7)
    return f"did you mean {' or '.join(f'`{each}`' for each in near)}?" if near else ""


def suggest_near(word: str, known: Iterable[str], prefix: str = "") -> str:
    """A hint that names the known word nearest to `word`, behind `prefix`; "" where none is near."""
    near = difflib.get_close_matches(word, sorted(known), 1)
    return f"did you mean `{prefix}{near[0]}`?" if near else ""
