"""The table of builtins has what rules can name, and nothing else."""

from __future__ import annotations

from envbuild.execute.table import BUILTINS, load_builtins
from envbuild.rule import builtins
from envbuild.rule.declared import Builtin


def test_every_builtin_has_a_function() -> None:
    known = {value for value in vars(builtins).values() if isinstance(value, Builtin)}
    assert set(BUILTINS) == known - {builtins.RUN_STEP}  # which is no function: it takes a sandbox
    assert all(map(callable, load_builtins(known).values()))
