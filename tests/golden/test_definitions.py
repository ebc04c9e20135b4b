from __future__ import annotations

import json

import pytest

from tests.golden.definitions import GOLDEN, definitions

EXPECTED: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("rule", EXPECTED)
def test_definitions_are_as_they_were(rule: str) -> None:
    assert definitions()[rule] == EXPECTED[rule], "see tests/golden/definitions.py before you write them anew"


def test_every_rule_has_golden_definitions() -> None:
    assert set(EXPECTED) == set(definitions())
