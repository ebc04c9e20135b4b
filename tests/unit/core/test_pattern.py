"""Patterns that are compiled when they are first used do what compiled ones do."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from envbuild.core.pattern import compile_later


def test_it_matches_as_ever() -> None:
    pattern = compile_later(r"(a+)(?P<rest>b*)", re.IGNORECASE)
    for _ in range(2):
        found = pattern.fullmatch("AAb")
        assert found
        assert (found[1], found["rest"]) == ("AA", "b")
    assert pattern.sub("x", "caabad") == "cxxd"
    assert (pattern.pattern, pattern.groups, pattern.flags & re.IGNORECASE) == ("(a+)(?P<rest>b*)", 2, 2)
    assert compile_later(rb"[0-9]+").findall(b"1 22") == [b"1", b"22"]


def test_what_is_wrong_is_told_at_the_first_use() -> None:
    pattern = compile_later("(")
    with pytest.raises(re.error):
        pattern.match("")


def test_what_it_has_not_it_has_not() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = compile_later("a").nothing  # type: ignore[attr-defined]


def test_importing_compiles_nothing() -> None:
    code = (
        "import re; made = []; real = re._compiler.compile\n"
        "re._compiler.compile = lambda *given: made.append(given[0]) or real(*given)\n"
        "import envbuild.lock.fields, envbuild.oci.reference, envbuild.core.label; print(made)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
