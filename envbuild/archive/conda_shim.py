"""A small program that activates a conda environment, and then becomes the program it is given."""

from __future__ import annotations

from collections.abc import Sequence

from envbuild.archive.layer import EPOCH, LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import folders_above


def shim_path(prefix: str) -> str:
    """Where it lies, for an environment at `prefix` ("opt/env")."""
    return f"{prefix}/bin/conda-activated"


def write_shim_layer(out: Sink, *, prefix: str, scripts: Sequence[str], epoch: int = EPOCH) -> LayerInfo:
    """Write it: it sources `scripts`, paths below the prefix, in the order of their names, as conda does."""
    ordered = sorted(scripts, key=lambda path: path.rpartition("/")[2])
    lines = ["#!/bin/sh", *(f". '/{prefix}/{path}'" for path in ordered), 'exec "$@"']
    path = shim_path(prefix)
    writer = LayerWriter(out, epoch=epoch)
    for folder in sorted(folders_above([path])):
        writer.directory(folder)
    writer.file(path, "".join(f"{line}\n" for line in lines).encode(), mode=0o755)
    return writer.finish()
