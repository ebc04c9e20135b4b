"""Steps in the sandbox."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Final

from envbuild.execute.sandbox.caches import Caches
from envbuild.execute.sandbox.forker import FORKER
from envbuild.execute.sandbox.groups import Group, open_group
from envbuild.execute.sandbox.homes import prepare_homes
from envbuild.execute.sandbox.identity import Identity, find_identity
from envbuild.execute.sandbox.instead import or_in_docker
from envbuild.execute.sandbox.mounting import Mounting, Stated
from envbuild.execute.sandbox.roots import Roots
from envbuild.execute.sandbox.sandbox import NO_LIMITS, Sandbox, Step, Upper, Watch
from envbuild.execute.sandbox.sub_ids import advise_sub_ids
from envbuild.execute.steps import Ended, StepRun
from envbuild.store.interrupt import Interrupt

_UNMAPPED: Final = (os.strerror(errno.EINVAL), os.strerror(errno.EPERM))  # chown(2), setgroups(2)
_POLL: Final = 0.05  # seconds between looks at another process's lock


class SandboxRunner:
    """Runs steps in namespaces of this machine's kernel; `cache` holds all that stays."""

    def __init__(self, cache: Path, interrupt: Interrupt) -> None:
        self._cache = cache
        self._interrupt = interrupt
        FORKER.prepare()

    @cached_property
    def _identity(self) -> Identity:
        return find_identity()

    @cached_property
    def _roots(self) -> Roots:
        return Roots(self._cache, self._identity, self._interrupt.check)

    def run(self, step: StepRun, watch: Watch) -> Ended:
        """Run a step with its mounts."""
        with or_in_docker("run steps in a Docker engine with `--executor docker`"):
            return self._run(step, watch)

    def _run(self, step: StepRun, watch: Watch) -> Ended:
        layers = self._roots.unpack(step.below)
        caches = Caches(self._cache, self._identity.name, lambda: self._interrupt.pause(_POLL))
        mounting = Mounting(self._roots, caches)
        sandbox = Sandbox(self._cache, self._identity)
        with (
            sandbox.folder() as folder,
            mounting.open(step, folder) as mounts,
            _limit(step) as group,
        ):
            described = _describe(step, mounts, group)
            code = sandbox.run(described, layers, Upper.CAPTURED, watch, kept=step.kept)
            return Ended(code, starved=group is not None and group.starved())

    def advise(self, lines: Sequence[str], /) -> str:
        """What to do about what the kernel refuses with no more than a word: programs, owners."""
        denied = any(os.strerror(errno.EACCES) in line for line in lines)
        if denied and os.statvfs(self._cache).f_flag & os.ST_NOEXEC:
            return (
                "the cache lies where `noexec` is set, so no program on a mount of a step can be executed: "
                "if this is one, choose another place with `--cache-dir`"
            )
        return self._advise_owners(lines)

    def _advise_owners(self, lines: Sequence[str]) -> str:
        """What to do about an owner that our maps lack."""
        if self._identity.host or not any(text in line for line in lines for text in _UNMAPPED):
            return ""
        if self._identity.single:
            return f"if it needs other users than root, of whom you have none: {advise_sub_ids(os.geteuid())}"
        last = sum(each.count for each in self._identity.users) - 1
        return f"if it needs a user above {last}, the last that you have here: build as root"

    def looking(self, kept: Path) -> str:
        """The command that shows what a failed step has changed."""
        return f"{'' if self._identity.host else 'unshare --map-root-user --map-auto '}ls -lR {kept}"


def _limit(step: StepRun) -> AbstractContextManager[Group | None]:
    """A group with the step's limits, where one can be made."""
    homes = prepare_homes() if step.limits != NO_LIMITS else None
    return nullcontext() if homes is None else open_group(homes, step.limits)


def _describe(step: StepRun, mounts: Stated, group: Group | None) -> Step:
    stated = step.stated
    return Step(
        argv=tuple(stated["argv"]),
        environment={**stated["environment"], **mounts.variables},
        workdir=stated["workdir"],
        user=stated["user"],
        network=stated["network"],
        mounts=tuple(mounts.mounts),
        limits=step.limits if group is None else NO_LIMITS,
        groups=() if group is None else group.doors,
    )
