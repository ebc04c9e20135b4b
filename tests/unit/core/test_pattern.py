"""Patterns that are compiled when they are first used do what compiled ones do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from envbuild.core.pattern import compile_later, import_compiling_later


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


def test_a_module_of_others_compiles_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_patterns.py").write_text("import re\nA, B = re.compile('a+'), re.compile('(')\n")
    monkeypatch.syspath_prepend(tmp_path)
    now = re.compile
    module = import_compiling_later("some_patterns")
    assert re.compile is now
    assert module.A.fullmatch("aa")
    with pytest.raises(re.error):
        module.B.match("")
    assert import_compiling_later("some_patterns") is module


def test_a_module_that_fails_leaves_compiling_as_it_was() -> None:
    now = re.compile
    with pytest.raises(ImportError):
        import_compiling_later("no_such_module_anywhere")
    assert re.compile is now


def test_reading_yaml_compiles_little() -> None:
    code = (
        "import re; made = []; real = re._compiler.compile\n"
        "re._compiler.compile = lambda *given: made.append(given[0]) or real(*given)\n"
        "from envbuild.spec.positions import parse_yaml; parse_yaml(b'{a: [1, b]}', 'x')\n"
        "print([each for each in made if '\\U0010ffff' in str(each)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_importing_compiles_nothing() -> None:
    code = (
        "import re; made = []; real = re._compiler.compile\n"
        "re._compiler.compile = lambda *given: made.append(given[0]) or real(*given)\n"
        "import envbuild.lock.fields, envbuild.oci.reference, envbuild.core.label; print(made)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
