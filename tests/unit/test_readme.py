"""The table of promises in tests/README.md names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NAMED = re.findall(r"`([a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", (TESTS / "README.md").read_text())


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_named_tests_are_there(path: str, name: str) -> None:
    assert f"def {name}(" in (TESTS / path).read_text()


def test_promises_have_tests() -> None:
    assert len(NAMED) > 30
