"""What `run` starts: an image's own program, but for what its user wants otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import BuildError, UsageError
from envbuild.core.platform import Platform
from envbuild.execute.sandbox.sandbox import Bind, Step
from envbuild.oci.config import Runtime

_EMULATORS: Final = Path("/proc/sys/fs/binfmt_misc")
# Mounting one of these would hide what the image itself has there.
_NAMES: Final = (
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib64",
    "opt",
    "proc",
    "run",
    "sbin",
    "sys",
    "usr",
    "var",
)
_SYSTEM: Final = frozenset(("/", *(f"/{name}" for name in _NAMES)))
_KERNEL: Final = ("/dev/", "/proc/", "/sys/")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user of an image wants; what is empty, or None, is left to the image.

    `here` is a folder of this machine that is mounted under its own path, or None; `seconds` 0 is no limit.
    """

    argv: tuple[str, ...] = ()
    entrypoint: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    workdir: str = ""
    user: str = ""
    binds: tuple[Bind, ...] = ()
    here: Path | None = None
    network: bool = True
    seconds: float = 0


def make_step(runtime: Runtime, wanted: Wanted) -> Step:
    """The program with its environment and mounts; raises UsageError where neither side states one."""
    own = (
        ()
        if wanted.here is None
        else (Bind(_require_mountable(wanted.here), str(wanted.here), readonly=False),)
    )
    return Step(
        argv=_choose_argv(runtime, wanted),
        environment={**runtime.variables, **wanted.variables},
        workdir=_choose_workdir(runtime, wanted),
        user=wanted.user or runtime.user,
        network=wanted.network,
        mounts=(*own, *wanted.binds),
    )


def _choose_argv(runtime: Runtime, wanted: Wanted) -> tuple[str, ...]:
    """As `docker run`: arguments replace the command, an entrypoint replaces both."""
    if wanted.entrypoint is None:
        argv = (*runtime.entrypoint, *(wanted.argv or runtime.command))
    else:
        argv = (*filter(None, [wanted.entrypoint]), *wanted.argv)
    if not argv:
        raise UsageError("the image states no program", hint="say what to run: `-- PROGRAM ARGUMENT...`")
    return argv


def _choose_workdir(runtime: Runtime, wanted: Wanted) -> str:
    """Arguments speak of the user's own files, the image's own command of the image's."""
    if wanted.workdir:
        return wanted.workdir
    here = "" if wanted.here is None else str(wanted.here)
    states = (here, runtime.workdir) if wanted.argv else (runtime.workdir, here)
    return next(filter(None, states), "/")


def _require_mountable(here: Path) -> Path:
    if str(here) in _SYSTEM or f"{here}/".startswith(_KERNEL):
        raise UsageError(
            f"the current folder is `{here}`: mounted, it would hide the image's own",
            hint="run it from another folder, or with `--bare`",
        )
    return here


def choose_platform(known: Sequence[Platform], asked: str) -> Platform:
    """Which of an image's platforms to run here: the one asked for, else this machine's.

    Raises UsageError for one that the image does not have, BuildError for one that nothing here can run.
    """
    machine = os.uname().machine
    listed = ", ".join(f"`{platform}`" for platform in known)
    if not asked:
        for platform in known:
            if platform.machine == machine:
                return platform
        hint = f"add this machine's to its `platforms`, or emulate one: `--platform {known[0]}`"
        raise UsageError(f"the image is for {listed}, and this machine is `{machine}`", hint=hint)
    platform = Platform.parse(asked)
    if platform not in known:
        raise UsageError(f"the image has no `{platform}`", hint=f"it has {listed}")
    if platform.machine != machine:
        _require_emulator(platform)
    return platform


def _require_emulator(platform: Platform) -> None:
    """The kernel must have opened the emulator already (flag F): the image's root has none (binfmt_misc)."""
    try:
        told = (_EMULATORS / f"qemu-{platform.machine}").read_text().splitlines()
    except OSError:
        told = []
    if "enabled" not in told or not any(line.startswith("flags:") and "F" in line for line in told):
        raise BuildError(
            f"this machine cannot run programs for `{platform}`",
            hint="let the kernel emulate them: `sudo apt-get install qemu-user-static binfmt-support`",
        )
