"""Wheels from sdists: a step in the sandbox that runs the build backend (PEP 517), without the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.platform import Facts, Interpreter
from envbuild.lock.model import Build, Json, Locked
from envbuild.rule import builtins
from envbuild.rule.declared import DeclaredAction, Input, Output
from envbuild.rule.image import ForeignLayer, Layer
from envbuild.rule.sdist_program import PLACE, PROGRAM
from envbuild.rule.step import declare_step, stack

TOOLS: Final = f"{PLACE}/env"  # where the build dependencies lie, as an environment of their own
_SCRIPT: Final = "/dev/build/wheel.py"  # no folder of the image
_FIRST_TIME: Final = 315532800  # 1980-01-01: nothing earlier can stand in a zip


@dataclass(frozen=True, slots=True)
class Sdist:
    """An sdist as it is locked, its bytes, and how it is built."""

    locked: Locked
    file: Input
    build: Build


@dataclass(frozen=True, slots=True)
class Workshop:
    """What sdists are built in: layers that bring an interpreter, and the variables that go with them.

    `path` is where programs are looked for. `checks` must succeed before anything is built there.
    """

    layers: tuple[ForeignLayer | Layer, ...]
    python: Interpreter
    variables: Mapping[str, str]
    path: tuple[str, ...]
    checks: tuple[DeclaredAction, ...] = ()


def name_wheel(sdist: Locked) -> str:
    """What an sdist's wheel is called where only package and version matter: its tags are checked before."""
    return f"{sdist.name.replace('-', '_')}-{sdist.version}-py3-none-any.whl"


def build_sdist(sdist: Sdist, facts: Facts, workshop: Workshop, tools: Sequence[Layer], epoch: int) -> Output:
    """The wheel of an sdist, made in a root of the workshop's layers and of `tools`, which it builds with."""
    build, subject = sdist.build, f"{sdist.locked.name} {sdist.locked.version}"
    archive = f"/{PLACE}/sdist.tar.gz"
    source = DeclaredAction(
        builtins.FILES_LAYER,
        {"files": [[archive, 0o644]], "merged_usr": False, "epoch": epoch},
        {"files/00000": sdist.file},
        builtins.LAYER_OUTPUTS,
        "FilesLayer",
        f"{subject} source",
    )
    below = (*workshop.layers, *tools)
    root = stack([*(layer.blob for layer in below), source.output(builtins.LAYER)])
    step = declare_step(
        "BuildWheel",
        subject,
        [f"/{TOOLS}/bin/python", "-s", _SCRIPT, f"/{PLACE}", archive, build.backend, *build.path],
        _variables(workshop, epoch),
        root | {f"checks/{n:03}": each.output(builtins.CHECKED) for n, each in enumerate(workshop.checks)},
        platform=facts.platform,
        epoch=epoch,
        mounts=[{"type": "file", "target": _SCRIPT, "text": PROGRAM, "mode": 0o644}],
    )
    return _take_wheel(step, sdist.locked, facts)


def _variables(workshop: Workshop, epoch: int) -> dict[str, str]:
    """Those of the workshop, which may tell where compilers are, and what makes builds repeatable."""
    return {
        **workshop.variables,
        "HOME": f"/{PLACE}/home",
        "LC_ALL": "C.UTF-8",
        "PATH": ":".join((f"/{TOOLS}/bin", *workshop.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "SOURCE_DATE_EPOCH": str(max(epoch, _FIRST_TIME)),
        "TMPDIR": f"/{PLACE}/tmp",  # noqa: S108 - in a root of its own
        "TZ": "UTC",
    }


def _take_wheel(step: DeclaredAction, sdist: Locked, facts: Facts) -> Output:
    """The wheel out of the step's layer, checked against what is locked and what the target takes."""
    assert facts.python is not None
    parameters: dict[str, Json] = {
        "name": sdist.name,
        "version": sdist.version,
        "requires": list(sdist.requires),
        "extras": list(sdist.extras),
        "platform": str(facts.platform),
        "libc": str(facts.libc),
        "python": facts.python.version,
    }
    inputs: dict[str, Input] = {"layer": step.output(builtins.LAYER)}
    outputs = (builtins.WHEEL,)
    action = DeclaredAction(builtins.BUILT_WHEEL, parameters, inputs, outputs, "TakeWheel", step.subject)
    return action.output(builtins.WHEEL)
