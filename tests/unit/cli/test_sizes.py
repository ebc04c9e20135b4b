"""Amounts that people read."""

from __future__ import annotations

import pytest

from envbuild.cli.show import show_size


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
