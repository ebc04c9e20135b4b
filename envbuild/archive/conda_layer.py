"""Conda packages as layers: what an installer would put below a prefix, computed and never installed.

The differences from rattler and conda are listed in docs/conda-layers.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, Final

from envbuild.archive.conda_install import Installation
from envbuild.archive.conda_package import CondaPackage
from envbuild.archive.conda_paths import read_paths
from envbuild.archive.conda_python import CondaPython, read_scripts
from envbuild.archive.conda_record import check_identity, read_index, record_path, write_record
from envbuild.archive.layer import EPOCH, LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.core.errors import ArchiveError

NO_RECORD: Final[Mapping[str, Any]] = MappingProxyType({})


def write_conda_layer(
    package: BinaryIO,
    out: Sink,
    *,
    prefix: str,
    python: str = "",
    site_packages: str = "",
    record: Mapping[str, Any] = NO_RECORD,
    epoch: int = EPOCH,
) -> LayerInfo:
    """Write a package's layer for `prefix` ("opt/env") and the environment's Python ("3.11.9"), "" for none.

    `site_packages` is where that has its modules, below the prefix. `record` are the channel's words on the
    package, which `conda-meta` repeats. `package` is a seekable file.
    Raises ArchiveError; what `out` holds must be dropped then.

    The layer names every folder above its files, as folders of root with mode 0755.
    """
    archive = CondaPackage(package)
    info = archive.read_info()
    index = read_index(info)
    check_identity(index, record)
    known = CondaPython(python, site_packages) if index.get("noarch") == "python" else None
    if known and not (python and site_packages):
        raise ArchiveError(
            f"`{index['name']}` is a package for any Python, and no conda package brings this one's Python",
            hint="add `python` to the conda packages",
        )
    installation = Installation(LayerWriter(out, epoch=epoch), prefix, known)
    installation.add_files(archive, read_paths(info))
    if known:
        for name, script in dict(read_scripts(info, known, f"/{prefix}")).items():
            installation.add_script(name, script)
    return installation.finish(record_path(index), write_record(index, record, installation.files))
