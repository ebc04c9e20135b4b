"""Amounts that people write."""

from __future__ import annotations

import pytest

from envbuild.core.errors import UsageError
from envbuild.spec.amounts import parse_size, parse_span


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("7", 7),
        ("7b", 7),
        ("5k", 5000),
        ("12M", 12_000_000),
        ("3gb", 3 * 10**9),
        ("20GB", 2 * 10**10),
    ],
)
def test_sizes(text: str, amount: int) -> None:
    assert parse_size(text) == amount


@pytest.mark.parametrize(
    ("text", "amount"), [("0s", 0), ("7s", 7), ("90m", 5400), ("12H", 43_200), ("14d", 1_209_600)]
)
def test_spans(text: str, amount: int) -> None:
    assert parse_span(text) == amount


REFUSED = ["", "k", "gb", "-1", "1.5k", "5 k", "5x", "1e3", "٣", "5kbb", "9" * 13]


@pytest.mark.parametrize("text", REFUSED)
def test_no_sizes(text: str) -> None:
    with pytest.raises(UsageError, match=f"`{text}` is no amount") as caught:
        parse_size(text)
    assert caught.value.hint == "write a whole number and one of `k`, `m`, `g`"


@pytest.mark.parametrize("text", [*REFUSED, "5k", "5mb", "5db", "0", "14"])
def test_no_spans(text: str) -> None:
    with pytest.raises(UsageError, match=f"`{text}` is no amount") as caught:
        parse_span(text)
    assert caught.value.hint == "write a whole number and one of `s`, `m`, `h`, `d`"
