"""`envbuild build` once more, after edits of files whose digests alone matter.

The graph was kept (graph/kept.py): no spec or lock is read, and what reads them is not even imported.
Whatever else has changed, or is missing, is left to the whole command.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from envbuild.build.build import Builder, Built, Origins, Registry, Run, build_goals
from envbuild.cli.quick import say
from envbuild.cli.remembering import Answers, Asked
from envbuild.cli.show import show_report
from envbuild.core.errors import EnvbuildError
from envbuild.execution import DOWNLOADS, SET_ASIDE, Execution
from envbuild.graph.kept import Kept
from envbuild.graph.memo import FAULTS
from envbuild.publish.naming import Naming
from envbuild.rule.builtins import RUN_STEP
from envbuild.rule.declared import DeclaredAction, Fetched, walk
from envbuild.store.disk import DiskStore
from envbuild.store.lease import shared_lease
from envbuild.ui.output import Output, choose_sinks


class _NotHere(Exception):
    """Something is not there, and only the whole command knows where to get it."""


def rebuild(
    kept: Kept, arguments: Sequence[str], cache: str, folder: str, key: str, begun: int
) -> int | None:
    """Build, print and remember by the graph that was `kept` below `folder` under `key`.

    `begun` is when that was asked (nanoseconds since the epoch). Returns the exit code, or None where it
    cannot be done, which is nobody's matter.
    """
    try:
        asked = Asked.read(kept.stated, Path(cache))
    except (*FAULTS, EnvbuildError):  # of another envbuild, or of another home
        return None
    try:
        text = _Rebuilding(kept, asked, Answers(folder, key), begun).run()
    except _NotHere:
        return None
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 (as of any command)
        from envbuild.cli.failure import report

        return report(error, arguments)
    return say(text)


class _Rebuilding:
    def __init__(self, kept: Kept, asked: Asked, answers: Answers, begun: int) -> None:
        self._kept = kept
        self._asked = asked
        self._answers = answers
        self._begun = begun

    def run(self) -> str:
        """What to print; raises EnvbuildError, and _NotHere."""
        options = self._asked.options
        output = Output(color=options.color, quiet=options.quiet)
        with shared_lease(options.cache_dir):
            if _needs_secrets(self._kept) or not _has_all(self._kept, DiskStore(options.cache_dir)):
                raise _NotHere
            with choose_sinks(output, sys.stderr, os.environ) as sink:
                execution = Execution(options.cache_dir, sink)
                try:
                    built = self._build(execution)
                finally:
                    execution.actions.close()
            text = show_report(built.report, options)
            if built.report.failures:
                from envbuild.cli.failure import WithResults

                raise WithResults(text, built.report.failures)
            self._remember(built, execution)
        return text

    def _build(self, execution: Execution) -> Built:
        began = time.monotonic()
        execution.disk.sweep()
        manner, naming = self._asked.manner, Naming(self._asked.image)
        run = partial(execution.run, manner=manner, known=self._kept.results)
        origins, registry = self._open_registry(execution, naming)

        def make_builder(run: Run) -> Builder:
            return Builder(execution.store, execution.images, run, execution.sink, naming, origins, registry)

        try:
            built = build_goals(
                self._kept.goals, run, make_builder, keep_going=manner.keep_going, began=began
            )
            damaged = bool(built.report.failures and execution.disk.damaged)
        except EnvbuildError:
            if not execution.disk.damaged:
                raise
            damaged = True
        if damaged:
            execution.sink.emit(SET_ASIDE)
            raise _NotHere
        return built

    def _open_registry(self, execution: Execution, naming: Naming) -> tuple[Origins | None, Registry | None]:
        """Where images are published and layers of others lie, where that is asked for."""
        destination = self._asked.destination
        if destination is None:
            return None, None
        from envbuild.build.fetch import fetch_layer
        from envbuild.lock.registries import open_registries
        from envbuild.sources.http import HttpClient
        from envbuild.sources.patience import Patience

        http = HttpClient(pool_size=DOWNLOADS, patience=Patience.stated(os.environ))
        registries = open_registries(destination.access, http)
        fetch = partial(fetch_layer, registries=registries, store=execution.store, sink=execution.sink)
        registry = Registry.open(str(destination.place), registries, execution.store, execution.sink, naming)
        return Origins(registries.locate_layer, fetch), registry

    def _remember(self, built: Built, execution: Execution) -> None:
        seen = self._kept.seen
        self._answers.keep_text(built, self._asked, seen, execution.images, self._begun)
        self._answers.keep_graph(built, self._asked, seen, self._begun)


def _needs_secrets(kept: Kept) -> bool:
    """Whether a step must be run that may be given secrets: no graph says where these are."""
    actions = walk(*(goal.action for goal in kept.goals))
    steps = (each for each in actions if each.builtin == RUN_STEP and each.definition not in kept.results)
    return any(mount["type"] == "secret" for step in steps for mount in _list_mounts(step))


def _list_mounts(step: DeclaredAction) -> Any:
    return step.parameters["mounts"]


def _has_all(kept: Kept, store: DiskStore) -> bool:
    """Whether all that need not be made again is there, and all that the rest would fetch."""
    made = (digest for result in kept.results.values() for digest in result.outputs.values())
    fetched = (
        item.digest
        for action in walk(*(goal.action for goal in kept.goals))
        if action.definition not in kept.results
        for item in action.inputs.values()
        if isinstance(item, Fetched)
    )
    return not store.missing([*made, *fetched])
