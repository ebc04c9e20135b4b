"""Runs `run_step` actions: a program in the root that layers make, whose changes become a layer."""

from __future__ import annotations

import errno
import json
import os
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import encode_listing
from envbuild.core.action import Action, ActionResult
from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import BuildError, EnvbuildError, UsageError
from envbuild.core.events import ActionOutput, EventSink, ResultSource
from envbuild.core.platform import Platform
from envbuild.core.protocols import BlobStore
from envbuild.execute.outputs import commit_outputs
from envbuild.execute.sandbox.capture import Capture
from envbuild.execute.sandbox.inside.channel import NOT_EXECUTABLE
from envbuild.execute.sandbox.log import StepLog
from envbuild.execute.sandbox.roots import Blob
from envbuild.execute.sandbox.sandbox import NO_LIMITS, Limits, Watch
from envbuild.rule.builtins import LAYER, LAYER_INFO, LISTING, PARAMETERS
from envbuild.store.faults import store_fault
from envbuild.store.interrupt import Interrupt

LOGS: Final = "logs"
FAILED: Final = "failed"
_NOT_PERMITTED: Final = os.strerror(errno.EPERM)  # in the words of programs whose language is not set
_FULL: Final = 1 << 20  # bytes: with less left, a disk is as good as full

Secrets = Mapping[str, Callable[[], bytes]]
"""What gives the value of a secret, by its id."""


@dataclass(frozen=True, slots=True)
class StepSettings:
    """How steps are run, which no key knows: secrets' values, limits (0 is none; `seconds` of wall time),
    and whether what a failed step changed is kept to be looked at.
    """

    secrets: Secrets = field(default_factory=dict, repr=False)
    limits: Limits = NO_LIMITS
    seconds: float = 0
    keep_failed: bool = False


PLAIN: Final = StepSettings()


@dataclass(frozen=True, slots=True)
class StepRun:
    """A step to run: its parameters, the blobs of its inputs, and the secrets it may see, by id.

    What it changed goes to `kept` where it fails and that is asked for.
    """

    stated: Mapping[str, Any]
    inputs: Mapping[str, Blob]
    secrets: Mapping[str, bytes] = field(repr=False)
    limits: Limits
    kept: Path | None

    @property
    def below(self) -> Sequence[Blob]:
        """The layers that make the root, bottom first."""
        return [blob for path, blob in sorted(self.inputs.items()) if path.startswith("root/")]

    def mounted(self, number: int) -> Mapping[str, Blob]:
        """The inputs of a mount, by their paths below it."""
        prefix = f"mounts/{number}/"
        return {
            path.removeprefix(prefix): blob for path, blob in self.inputs.items() if path.startswith(prefix)
        }


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. `starved`: processes were killed for want of the memory that its limit allows."""

    code: int
    starved: bool = False


class Runner(Protocol):
    """A way to run a program in a root."""

    def run(self, step: StepRun, watch: Watch) -> Ended:
        """Run a step; after exit code 0 it has told all that it changed.

        Raises EnvbuildError where it cannot begin, and whatever `watch.check` raises.
        """

    def advise(self, lines: Sequence[str], /) -> str:
        """What may help where a program failed and said this at its end; "" for nothing."""

    def looking(self, kept: Path) -> str:
        """The command that shows what a failed step has changed."""


class StepExecutor:
    """An Executor for `run_step`; inputs must be in the store already. `cache` holds all that stays.

    At most `limit` steps run at a time, and others wait their turn.
    """

    def __init__(
        self,
        runner: Runner,
        store: BlobStore,
        cache: Path,
        sink: EventSink,
        interrupt: Interrupt,
        limit: int,
        settings: StepSettings = PLAIN,
    ) -> None:
        self._runner = runner
        self._store = store
        self._cache = cache
        self._sink = sink
        self._interrupt = interrupt
        self._settings = settings
        self._turns = threading.BoundedSemaphore(limit)

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """Run the step; raises EnvbuildError, and then no output is kept."""
        stated = json.loads(action.inline[PARAMETERS])
        with ExitStack() as stack:
            outputs = {
                path: stack.enter_context(self._store.writer()) for path in action.command.output_paths
            }
            with self._turns:
                info = self._make_layer(action, stated, Capture(outputs[LAYER], stated["epoch"]))
            outputs[LAYER_INFO].write(info.to_json())
            outputs[LISTING].write(encode_listing(info.entries))
            result = commit_outputs(self._store, outputs)
        return result, ResultSource.EXECUTED

    def _make_layer(self, action: Action, stated: Mapping[str, Any], capture: Capture) -> LayerInfo:
        """Run the step with its mounts, and capture what it changed."""
        step = StepRun(
            stated=stated,
            inputs={
                path: Blob(digest.hash, self._store.path(digest)) for path, digest in action.inputs.items()
            },
            secrets=_read_secrets(stated["mounts"], self._settings.secrets),
            limits=self._settings.limits,
            kept=self._cache / FAILED / action.key.hash if self._settings.keep_failed else None,
        )
        log_path = self._cache / LOGS / f"{action.key.hash}.log"
        with StepLog(log_path, step.secrets.values(), self._teller(action)) as log:
            ended = self._runner.run(step, Watch(log.take, capture.take, self._checker(log.path)))
        if ended.code:
            _refuse_platform(stated.get("platform", ""), ended.code)
            raise self._failure(step, ended, log)
        return capture.finish()

    def _teller(self, action: Action) -> Callable[[str], None]:
        identity = (action.id, action.mnemonic, action.subject)
        return lambda line: self._sink.emit(ActionOutput(*identity, line))

    def _checker(self, log: Path) -> Callable[[], None]:
        """What ends a step: the user, or its time limit."""
        seconds = self._settings.seconds
        until = time.monotonic() + seconds

        def check() -> None:
            self._interrupt.check()
            if seconds and time.monotonic() > until:
                raise BuildError(
                    f"the step took longer than its limit of {seconds:g} s",
                    hint=f"let it take longer with `--step-timeout`; all it wrote is in `{log}`",
                )

        return check

    def _failure(self, step: StepRun, ended: Ended, log: StepLog) -> EnvbuildError:
        """What to tell of a step that failed; a full disk is the cause, whatever the program says of it."""
        disk = os.statvfs(self._cache)
        if disk.f_bavail * disk.f_frsize < _FULL:
            return store_fault(OSError(errno.ENOSPC, ""), self._cache)
        command = shlex.join(step.stated["argv"])
        memory, hint = step.limits.memory, f"all it wrote is in `{log.path}`"
        why = _explain(ended.code)
        if ended.starved:
            why = f" (killed: out of memory, of which the step may have {memory:,} bytes)"
            hint = f"let it have more with `--step-memory`; {hint}"
        if advice := _advise(log.tail) or self._runner.advise(log.tail):
            hint = f"{advice}; {hint}"
        lines = [f"`{command}` ended with exit code {ended.code}{why}", *map(str.expandtabs, log.tail)]
        if step.kept is not None:
            hint += f"; what it had changed is in `{step.kept}`: `{self._runner.looking(step.kept)}`"
        return BuildError("\n  ".join(lines), hint=hint)


def _read_secrets(mounts: Sequence[Mapping[str, Any]], known: Secrets) -> dict[str, bytes]:
    """The values of the secrets that a step states, as far as they are given; raises UsageError."""
    values: dict[str, bytes] = {}
    for mount in mounts:
        if mount["type"] != "secret":
            continue
        name = mount["id"]
        if name in known:
            values[name] = known[name]()
        elif mount["required"]:
            raise UsageError(
                f"the secret `{name}` is not given",
                hint=f"give it: `--secret id={name},src=FILE`, or `--secret id={name},env=VARIABLE`",
            )
    return values


def _refuse_platform(stated: str, code: int) -> None:
    """Raise BuildError where no program of the platform can be executed here; "" is not known."""
    if not stated or code != NOT_EXECUTABLE:
        return
    platform, here = Platform.parse(stated), os.uname().machine
    if platform.machine != here:
        hint = f"build it on a machine of `{platform}`, or `apt-get install qemu-user-static binfmt-support`"
        raise BuildError(f"it runs programs of `{platform}`, and this machine is `{here}`", hint=hint)


def _advise(lines: Iterable[str]) -> str:
    """What may help whoever runs steps."""
    if any("mknod" in line and _NOT_PERMITTED in line for line in lines):
        return "no step may make devices, since no layer holds any: leave it to who runs the image"
    return ""


def _explain(code: int) -> str:
    """What the codes mean that are not the program's own."""
    if code == 128 + 9:
        return " (killed: out of memory?)"
    return f" (signal {code - 128})" if 128 < code < 128 + 65 else ""
