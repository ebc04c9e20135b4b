"""Failures of HTTP say which source was asked, and for what."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from envbuild.core.errors import SourceError


@contextmanager
def blame(alias: str, what: str) -> Iterator[None]:
    """Name the source `alias`, and what was wanted of it, in any SourceError of the block; "" names none."""
    try:
        yield
    except SourceError as error:
        if not alias:
            raise
        hint = error.hint or f"check `{alias}` in envbuild.yaml, then try again"
        raise SourceError(f"cannot fetch `{what}` from `{alias}`: {error.message}", hint=hint) from error
