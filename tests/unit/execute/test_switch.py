from __future__ import annotations

from pathlib import Path

from envbuild.execute.switch import SwitchingExecutor
from tests.makers.actions import Counted, bind, declare, executor


def test_an_action_goes_where_its_builtin_is_known(tmp_path: Path) -> None:
    chosen, rest = Counted(), Counted()
    switch = SwitchingExecutor({"join": executor(tmp_path, chosen)}, executor(tmp_path, rest))
    switch.run(bind(declare("a")))
    assert (chosen.texts, rest.texts) == (["a"], [])


def test_others_go_to_the_rest(tmp_path: Path) -> None:
    chosen, rest = Counted(), Counted()
    switch = SwitchingExecutor({"other": executor(tmp_path, chosen)}, executor(tmp_path, rest))
    switch.run(bind(declare("a")))
    assert (chosen.texts, rest.texts) == ([], ["a"])
