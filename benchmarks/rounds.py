"""Contenders take turns, so that what else the machine does hits all of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

Contender = Callable[[], float]
"""One run with its own set-up: returns the seconds of what is measured."""


def compare(contenders: Mapping[str, Contender], rounds: int) -> dict[str, float]:
    """The median of each contender's seconds, by name; a first round that fills caches does not count."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, contender in contenders.items():
            seconds = contender()
            if turn:
                taken[name].append(seconds)
    return {name: statistics.median(values) for name, values in taken.items()}
