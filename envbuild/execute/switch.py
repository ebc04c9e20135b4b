"""Each action to the executor that can run it."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.action import Action, ActionResult
from envbuild.core.events import ResultSource
from envbuild.core.protocols import Executor


class SwitchingExecutor:
    """An Executor that hands an action on by its builtin's name; others go to `rest`."""

    def __init__(self, by_name: Mapping[str, Executor], rest: Executor) -> None:
        self._by_name = by_name
        self._rest = rest

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """As the executor that is chosen."""
        _, name, _ = action.command.arguments
        return self._by_name.get(name, self._rest).run(action)
