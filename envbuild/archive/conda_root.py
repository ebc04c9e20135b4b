"""What makes a folder an environment for conda: a `conda-meta/history`, which no package brings."""

from __future__ import annotations

from typing import Final

from envbuild.archive.conda_record import FOLDER
from envbuild.archive.layer import EPOCH, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.nodes import File, write_nodes

# conda looks only whether it is there (`conda.core.prefix_data`); rattler leaves it empty, too.
HISTORY: Final = f"{FOLDER}/history"


def write_conda_root(out: Sink, *, prefix: str, epoch: int = EPOCH) -> LayerInfo:
    """Write the layer that makes `prefix` ("opt/env") an environment: of commands run there it tells none."""
    return write_nodes([File(f"{prefix}/{HISTORY}", b"")], out, epoch=epoch)
