from __future__ import annotations

import json

import pytest

from envbuild.rule import builtins
from envbuild.rule.declared import Builtin
from tests.golden.keys import GOLDEN, keys

EXPECTED: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_digests_are_as_they_were(name: str) -> None:
    assert keys()[name] == EXPECTED[name], "see tests/golden/keys.py before you write them anew"


def test_every_builtin_has_golden_digests() -> None:
    names = {each.name for each in vars(builtins).values() if isinstance(each, Builtin)}
    assert set(EXPECTED) == set(keys()) == names
