"""Bytecode: what the target's own interpreter makes of modules, in the sandbox, as layers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from envbuild.archive.wheel_layout import Layout
from envbuild.core.platform import Facts
from envbuild.lock.model import Json
from envbuild.rule import builtins
from envbuild.rule.declared import DeclaredAction, Input
from envbuild.rule.image import ForeignLayer, Image, Layer, Part
from envbuild.rule.step import declare_step, stack

MNEMONIC: Final = "Bytecode"
_MODULES: Final = "/dev/modules"  # no folder of the image, so nothing of it is in the layer
# What one process compiles depends on what it compiled before (marshal tells shared objects from others), so
# the order is given. What is no module, such as a template, is left alone, as pip does.
_PROGRAM: Final = """\
import sys
del sys.path[0]
import os, py_compile
from importlib.util import cache_from_source
target = sys.argv[2] if sys.argv[2:] else os.path.dirname(os.__file__)
source = sys.argv[1] if sys.argv[2:] else target
left_out = set() if sys.argv[2:] else {"dist-packages", "site-packages"}
for folder, folders, names in os.walk(source):
    folders[:] = sorted(set(folders) - left_out)
    for name in sorted(names):
        place = target + os.path.join(folder, name)[len(source):]
        compiled = cache_from_source(place) if name.endswith(".py") else ""
        if compiled and not os.path.exists(compiled):
            py_compile.compile(os.path.join(folder, name), compiled, place, quiet=2,
                               invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def interpreter_layers(base: Image) -> tuple[ForeignLayer | Layer, ...]:
    """The layers of an image that may bring its interpreter: those below its environments."""
    ours = takewhile(lambda layer: not _has_part(layer, builtins.VENV_LAYER.name), base.layers)
    return (*base.foreign, *ours)


def is_compiled(image: Image) -> bool:
    """Whether some of an image's modules have bytecode that is not compared with them."""
    return any(part.action.mnemonic == MNEMONIC for layer in image.layers for part in layer.parts)


def check_steps(base: Image, steps: Sequence[Layer], subject: str) -> tuple[DeclaredAction, ...]:
    """What fails where steps on an image change modules and leave their bytecode; none where it has none."""
    parts = [part for layer in base.layers for part in layer.parts if part.action.mnemonic == MNEMONIC]
    if not parts or not steps:
        return ()
    inputs: dict[str, Input] = {}
    for kind, actions in (
        ("bytecode", [part.action for part in parts]),
        ("steps", [s.action for s in steps]),
    ):
        inputs |= {f"{kind}/{n:03}": action.output(builtins.LISTING) for n, action in enumerate(actions)}
    parameters: dict[str, Json] = {"steps": [step.step for step in steps]}
    outputs = (builtins.CHECKED,)
    return (DeclaredAction(builtins.CHECK_BYTECODE, parameters, inputs, outputs, "CheckBytecode", subject),)


def compile_wheel(wheel: Part, facts: Facts, below: Sequence[ForeignLayer | Layer], epoch: int) -> Part:
    """The bytecode of a wheel's modules, by the interpreter in the layers `below`.

    It starts with its library compiled: that saves a tenth of the time for 57 wheels.
    """
    library = compile_library(facts, below, epoch)
    below = (*below, Layer(library.action, (library,)))
    placed = {name: wheel.action.parameters[name] for name in ("file", "prefix", "python")}
    layout = Layout(str(placed["prefix"]), str(placed["python"]))
    mount: dict[str, Json] = {"type": "modules", "target": _MODULES, **placed}
    modules = {"mounts/0/wheel": wheel.action.inputs["wheel"]}
    action = _declare(
        facts, below, wheel.owner, epoch, (_MODULES, f"/{layout.site_packages}"), mount, modules
    )
    return Part(f"{wheel.owner} bytecode", action, wheel.size, overrides=True)


def compile_library(facts: Facts, below: Sequence[ForeignLayer | Layer], epoch: int) -> Part:
    """The bytecode of the interpreter's own library, where it has none."""
    assert facts.python is not None
    owner = f"python {facts.python.version}"
    return Part(f"{owner} bytecode", _declare(facts, below, owner, epoch), overrides=True)


def _declare(
    facts: Facts,
    below: Sequence[ForeignLayer | Layer],
    subject: str,
    epoch: int,
    places: tuple[str, ...] = (),
    mount: dict[str, Json] | None = None,
    modules: dict[str, Input] | None = None,
) -> DeclaredAction:
    assert facts.python is not None
    return declare_step(
        MNEMONIC,
        subject,
        # Neither the packages of the base, nor what it writes at its start, nor its warnings.
        [facts.python.path, "-s", "-S", "-B", "-W", "ignore", "-c", _PROGRAM, *places],
        {"PYTHONHASHSEED": "0"},
        stack(layer.blob for layer in below) | (modules or {}),
        platform=facts.platform,
        epoch=epoch,
        mounts=[mount] if mount else [],
    )


def _has_part(layer: Layer, builtin: str) -> bool:
    return any(part.action.builtin.name == builtin for part in layer.parts)
