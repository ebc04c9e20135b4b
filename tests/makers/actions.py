"""Declared actions and builtins for tests: small real functions that make bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from envbuild.core.action import Action
from envbuild.core.events import Event
from envbuild.execute.builtin import BuiltinExecutor, Function, Job
from envbuild.graph.bind import bind_action
from envbuild.rule.declared import Builtin, DeclaredAction, Input
from envbuild.store.disk import DiskStore

JOIN = Builtin("join", 1)
OUT = "out"


def join(job: Job) -> None:
    """Writes the text of its parameters, then all inputs in order of path."""
    job.outputs[OUT].write(job.parameters["text"].encode())
    for path in job.inputs.values():
        job.outputs[OUT].write(path.read_bytes())


def declare(
    text: str, *below: DeclaredAction, builtin: Builtin = JOIN, inputs: Mapping[str, Input] | None = None
) -> DeclaredAction:
    """An action that writes `text` and what `below` wrote."""
    all_inputs: dict[str, Input] = {f"{n}": action.output(OUT) for n, action in enumerate(below)}
    return DeclaredAction(builtin, {"text": text}, {**all_inputs, **(inputs or {})}, (OUT,), "Join", text)


def bind(action: DeclaredAction) -> Action:
    """An action without dependencies, ready to run."""
    return bind_action(action, lambda output: (_ for _ in ()).throw(KeyError(output.path)))


def executor(root: Path, function: Function = join, limit: int = 2) -> BuiltinExecutor:
    """An executor that knows one builtin."""
    return BuiltinExecutor(DiskStore(root), {JOIN: function}, limit)


class Counted:
    """A builtin that counts its runs, by the text it wrote, and may do something first."""

    def __init__(self, before: Callable[[Job], None] = lambda job: None) -> None:
        self.texts: list[str] = []
        self._before = before
        self._lock = threading.Lock()

    def __call__(self, job: Job) -> None:
        with self._lock:
            self.texts.append(job.parameters["text"])
        self._before(job)
        join(job)


class Recorder:
    """A sink that keeps all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        self.events.append(event)
