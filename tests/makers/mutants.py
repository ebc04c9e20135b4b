"""Bytes that were valid and are no more, and how many of them a test tries."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from envbuild.core.errors import EnvbuildError

T = TypeVar("T")

_EXAMPLES: Final = int(os.environ.get("ENVBUILD_FUZZ", "0"))
# Numbers at which formats change their minds: limits of fields, signs, sizes that no file has.
_NUMBERS: Final = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF,
                   1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)  # fmt: skip

# The same examples in each run, unless somebody asks for more: then new ones, and failures are kept.
fuzz: Final = settings(
    max_examples=_EXAMPLES or 100,
    derandomize=not _EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def mutants(data: bytes, *, marks: Sequence[int] = (), limit: int = 6) -> st.SearchStrategy[bytes]:
    """`data` after some changes; `marks` are offsets near which fields lie, where half of them are made."""
    return st.lists(_changes(len(data), marks), min_size=1, max_size=limit).map(
        lambda changes: _apply(data, changes)
    )


def read_or_refuse(read: Callable[[], T]) -> T | None:
    """What `read` gives, None where it refuses with words; any other exception is a fault of it."""
    try:
        return read()
    except EnvbuildError as error:
        if not error.message:
            raise
        return None


_Change = tuple[str, int, int, int, bytes]


def _changes(size: int, marks: Sequence[int]) -> st.SearchStrategy[_Change]:
    anywhere = st.integers(0, max(0, size - 1))
    near = st.builds(int.__add__, st.sampled_from(list(marks)), st.integers(0, 60)) if marks else anywhere
    place = anywhere | near
    length = st.integers(0, 64) | st.integers(0, size)
    patch = st.binary(min_size=1, max_size=8) | _number_fields()
    return st.tuples(st.sampled_from(["set", "insert", "cut", "delete", "copy"]), place, place, length, patch)


def _number_fields() -> st.SearchStrategy[bytes]:
    """A number as formats write it: little-endian in 2, 4 or 8 bytes, octal or decimal text."""
    return st.builds(_field, st.sampled_from(_NUMBERS), st.sampled_from([2, 4, 8, "o", "d"]))


def _field(number: int, form: int | str) -> bytes:
    if isinstance(form, str):
        return format(number, form).encode()
    return (number & (1 << 8 * form) - 1).to_bytes(form, "little")


def _apply(data: bytes, changes: Sequence[_Change]) -> bytes:
    for kind, at, to, length, patch in changes:
        region = data[at : at + length]
        data = {
            "set": data[:at] + patch + data[at + len(patch) :],
            "insert": data[:at] + patch + data[at:],
            "cut": data[:at],
            "delete": data[:at] + data[at + length :],
            "copy": data[:to] + region + data[to:],
        }[kind]
    return data
