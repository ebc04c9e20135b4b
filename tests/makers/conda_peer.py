"""What rattler makes of conda packages, and what our layers hold, in one form."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from typing import Any, Final

from envbuild.archive.conda_layer import write_conda_layer
from tests.makers.conda_channel import Channel
from tests.makers.conda_samples import PYTHON

PYTHON_VERSION: Final = "3.11.9"
SITE_PACKAGES: Final = "lib/python3.11/site-packages"


@dataclass(frozen=True)
class Node:
    """A path of an installation: a link's target, or contents and mode; a folder has neither."""

    target: str = ""
    data: bytes = b""
    mode: int = 0


Tree = dict[str, Node]
"""Files, links and folders by their paths below the prefix."""


def install_packages(channel: Path, folder: Path, prefix: str) -> Path:
    """Let rattler install all packages of a channel for a prefix; gives where they lie instead."""
    import rattler

    async def run() -> None:
        await rattler.install(
            list(_records(channel)),
            folder / "prefix",
            cache_dir=folder / "cache",
            alternative_target_prefix=prefix,
            show_progress=False,
            platform=rattler.Subdir("linux-64"),
        )

    asyncio.run(run())
    return folder / "prefix"


def install_package(package: Path, folder: Path, prefix: str) -> Path | None:
    """Let rattler install a package of any origin, and our Python; None where it refuses the package."""
    from rattler import IndexJson
    from rattler.exceptions import ExtractError, InstallerError
    from rattler.index import index_fs

    channel = Channel(folder / "channel").publish(PYTHON)
    try:
        subdir = IndexJson.from_package_archive(package).subdir or "noarch"
        copy(package, channel.root / subdir)
        asyncio.run(index_fs(channel.root))
        return install_packages(channel.root, folder, prefix)
    except (ExtractError, InstallerError):
        return None


def read_prefix(root: Path) -> Tree:
    """What lies below a folder."""
    found: Tree = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            found[path.relative_to(root).as_posix()] = _read_node(path)
    return found


def write_layer(package: bytes, prefix: str = "/opt/env", **options: Any) -> bytes:
    """The layer of a package, for a Python 3.11 unless told otherwise."""
    out = io.BytesIO()
    given = {"python": PYTHON_VERSION, "site_packages": SITE_PACKAGES, **options}
    write_conda_layer(io.BytesIO(package), out, prefix=prefix.removeprefix("/"), **given)
    return out.getvalue()


def read_layers(layers: Sequence[bytes], prefix: str = "/opt/env") -> Tree:
    """What layers hold below the prefix."""
    found: Tree = {}
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
            for member in tar:
                path = f"/{member.name}".removeprefix(f"{prefix}/")
                if not path.startswith("/"):
                    found[path] = _node(tar, member)
    return found


def _read_node(path: Path) -> Node:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return Node(target=os.readlink(path))  # noqa: PTH115  # a Path leaves out what means nothing, such as `./`
    return Node() if stat.S_ISDIR(mode) else Node(data=path.read_bytes(), mode=stat.S_IMODE(mode))


def _node(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Node:
    if member.issym():
        return Node(target=member.linkname)
    if member.isdir():
        return Node()
    contents = tar.extractfile(member)
    assert contents is not None
    first = tar.getmember(member.linkname) if member.islnk() else member
    return Node(data=contents.read(), mode=first.mode)


def _records(channel: Path) -> Iterator[Any]:
    import rattler

    for subdir in ("linux-64", "noarch"):
        repodata = rattler.SparseRepoData(
            rattler.Channel(channel.as_uri()), subdir, channel / subdir / "repodata.json"
        )
        for name in repodata.package_names():
            yield from repodata.load_records(name)
