"""Amounts that people write, and those that they read."""

from __future__ import annotations

import pytest

from envbuild.cli.cache import parse_amount
from envbuild.cli.show import show_size
from envbuild.core.errors import UsageError

UNITS = {"": 1, "k": 1000, "m": 10**6}


@pytest.mark.parametrize(("text", "amount"), [("0", 0), ("7", 7), ("5k", 5000), ("12M", 12_000_000)])
def test_read(text: str, amount: int) -> None:
    assert parse_amount(text, UNITS) == amount


@pytest.mark.parametrize("text", ["", "k", "-1", "1.5k", "5 k", "5g", "1e3", "٣", "5kb", "9" * 13])
def test_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no amount") as caught:
        parse_amount(text, UNITS)
    assert caught.value.hint == "write a whole number and one of `k`, `m`"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (117_000_000, "117.0 MB"),
        (2 * 10**12, "2000.0 GB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert show_size(count) == shown
