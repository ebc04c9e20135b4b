"""Amounts as people write them: bytes, and spans of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from envbuild.core.errors import UsageError

_SIZES: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SPANS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_size(text: str) -> int:
    """Bytes, in decimal units: `500M`, `20G` or `20GB`; raises UsageError."""
    return _parse(text, _SIZES, r"([a-z]??)b?")


def parse_span(text: str) -> int:
    """Seconds: `90m`, `12h`, `14d`; raises UsageError, also for a number without a unit."""
    return _parse(text, _SPANS, r"([a-z])")


def _parse(text: str, units: Mapping[str, int], unit: str) -> int:
    match = re.fullmatch(rf"([0-9]{{1,12}}){unit}", text.lower())
    if not match or match[2] not in units:
        known = ", ".join(f"`{unit}`" for unit in units if unit)
        raise UsageError(f"`{text}` is no amount", hint=f"write a whole number and one of {known}")
    return int(match[1]) * units[match[2]]
