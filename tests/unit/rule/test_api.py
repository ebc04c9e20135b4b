"""What rules import from `envbuild.rule`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import envbuild.rule


def test_each_name_of_the_api_is_there() -> None:
    found = {name: getattr(envbuild.rule, name) for name in envbuild.rule.__all__}
    assert all(found.values())
    assert callable(found["rule"])


def test_what_it_does_not_have_is_named() -> None:
    with pytest.raises(ImportError, match="nothing"):
        exec("from envbuild.rule import nothing")


def test_one_name_brings_nothing_of_the_others() -> None:
    program = "import sys; from envbuild.rule import Fetched; print('envbuild.rule.context' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
