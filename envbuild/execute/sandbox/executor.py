"""Runs `run_step` actions: a program in the root that layers make, whose changes become a layer."""

from __future__ import annotations

import errno
import json
import os
import shlex
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import encode_listing
from envbuild.core.action import Action, ActionResult
from envbuild.core.errors import BuildError, EnvbuildError
from envbuild.core.events import ActionOutput, EventSink, ResultSource
from envbuild.core.protocols import BlobStore
from envbuild.execute.outputs import commit_outputs
from envbuild.execute.sandbox.caches import Caches
from envbuild.execute.sandbox.capture import Capture
from envbuild.execute.sandbox.identity import Identity, find_identity
from envbuild.execute.sandbox.log import StepLog
from envbuild.execute.sandbox.mounting import Mounting, Secrets, Stated
from envbuild.execute.sandbox.roots import Blob, Roots
from envbuild.execute.sandbox.sandbox import NO_LIMITS, Limits, Sandbox, Step, Upper, Watch
from envbuild.rule.builtins import LAYER, LAYER_INFO, LISTING, PARAMETERS
from envbuild.store.faults import store_fault
from envbuild.store.interrupt import Interrupt

LOGS: Final = "logs"
FAILED: Final = "failed"
_POLL: Final = 0.05  # seconds between looks at another process's lock
_FULL: Final = 1 << 20  # bytes: with less left, a disk is as good as full


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


class SandboxExecutor:
    """An Executor for `run_step`; inputs must be in the store already. `cache` holds all that stays.

    At most `limit` steps run at a time, and others wait their turn.
    """

    def __init__(
        self,
        store: BlobStore,
        cache: Path,
        sink: EventSink,
        interrupt: Interrupt,
        limit: int,
        settings: StepSettings = PLAIN,
    ) -> None:
        self._store = store
        self._cache = cache
        self._sink = sink
        self._interrupt = interrupt
        self._settings = settings
        self._turns = threading.BoundedSemaphore(limit)

    @cached_property
    def _identity(self) -> Identity:
        return find_identity()

    @cached_property
    def _roots(self) -> Roots:
        return Roots(self._cache, self._identity, self._interrupt.check)

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
        inputs = {path: Blob(digest.hash, self._store.path(digest)) for path, digest in action.inputs.items()}
        below = [blob for path, blob in sorted(inputs.items()) if path.startswith("root/")]
        layers = self._roots.unpack(below)
        caches = Caches(self._cache, self._identity, lambda: self._interrupt.pause(_POLL))
        mounting = Mounting(self._roots, caches, self._settings.secrets, stated["epoch"])
        sandbox = Sandbox(self._cache, self._identity)
        with (
            sandbox.folder() as folder,
            mounting.open(stated["mounts"], inputs, folder) as mounts,
            StepLog(self._log_path(action), mounts.secrets, self._teller(action)) as log,
        ):
            step = self._step(stated, mounts)
            watch = Watch(log.take, capture.take, self._checker(log.path))
            code = sandbox.run(step, layers, Upper.CAPTURED, watch, kept=self._kept(action))
        if code:
            raise self._failure(step, code, log, action)
        return capture.finish()

    def _step(self, stated: Mapping[str, Any], mounts: Stated) -> Step:
        return Step(
            argv=tuple(stated["argv"]),
            environment={**stated["environment"], **mounts.variables},
            workdir=stated["workdir"],
            user=stated["user"],
            network=stated["network"],
            mounts=tuple(mounts.mounts),
            limits=self._settings.limits,
        )

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
                    f"the step took longer than its limit of {seconds:g} seconds",
                    hint=f"all it wrote is in `{log}`",
                )

        return check

    def _log_path(self, action: Action) -> Path:
        return self._cache / LOGS / f"{action.key.hash}.log"

    def _kept(self, action: Action) -> Path | None:
        return self._cache / FAILED / action.key.hash if self._settings.keep_failed else None

    def _failure(self, step: Step, code: int, log: StepLog, action: Action) -> EnvbuildError:
        """What to tell of a step that failed; a full disk is the cause, whatever the program says of it."""
        disk = os.statvfs(self._cache)
        if disk.f_bavail * disk.f_frsize < _FULL:
            return store_fault(OSError(errno.ENOSPC, ""), self._cache)
        lines = [f"`{shlex.join(step.argv)}` ended with exit code {code}{_explain(code)}", *log.tail]
        hint = f"all it wrote is in `{log.path}`"
        kept = self._kept(action)
        if kept is not None:
            look = "" if self._identity.host else "unshare --map-root-user --map-auto "
            hint += f"; what it had changed is in `{kept}`: `{look}ls -lR {kept}`"
        return BuildError("\n  ".join(lines), hint=hint)


def _explain(code: int) -> str:
    """What the codes mean that are not the program's own."""
    if code == 128 + 9:
        return " (killed: out of memory?)"
    return f" (signal {code - 128})" if 128 < code < 128 + 65 else ""
