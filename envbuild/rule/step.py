"""Steps that rules declare of themselves: a program of root's in a root of layers, without the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from envbuild.core.platform import Platform
from envbuild.lock.model import Json
from envbuild.rule import builtins
from envbuild.rule.declared import DeclaredAction, Input


def stack(layers: Iterable[Input]) -> dict[str, Input]:
    """Layers as the inputs that are a step's root, bottom first."""
    return {f"root/{n:03}": layer for n, layer in enumerate(layers)}


def declare_step(
    mnemonic: str,
    subject: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    inputs: Mapping[str, Input],
    *,
    platform: Platform,
    epoch: int,
    mounts: Sequence[Mapping[str, Json]] = (),
) -> DeclaredAction:
    """What runs `argv`; what it changes in the root is its layer.

    `inputs` are the root's (`stack`), and those of `mounts` by their paths (`mounts/0/...`).
    """
    parameters: dict[str, Json] = {
        "argv": list(argv),
        "environment": dict(environment),
        "workdir": "/",
        "user": "0",
        "network": False,
        "generation": 0,
        "mounts": [dict(mount) for mount in mounts],
        "epoch": epoch,
        "platform": str(platform),
    }
    return DeclaredAction(builtins.RUN_STEP, parameters, inputs, builtins.LAYER_OUTPUTS, mnemonic, subject)
