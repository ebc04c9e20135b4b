"""Several places that have the same: mirrors of an archive, copies of a channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from envbuild.sources.connections import TransportError
from envbuild.sources.response import StatusError

_Place = TypeVar("_Place")
_Answer = TypeVar("_Answer")


def first_answer(places: Sequence[_Place], ask: Callable[[_Place], _Answer]) -> _Answer:
    """The first place's answer that comes; one that is away or lacks the file passes on to the next.

    A wrong signature or sum does not: it is no failure of the network. Raises the last place's error.
    """
    for place in places[:-1]:
        try:
            return ask(place)
        except (StatusError, TransportError):
            continue
    return ask(places[-1])
