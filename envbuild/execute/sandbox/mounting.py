"""The mounts that a `run_step` action states, as those of a sandbox."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.caches import Caches
from envbuild.execute.sandbox.roots import Blob, Roots
from envbuild.execute.sandbox.sandbox import Bind, CacheFolder, HeldFile, Memory, Mount, Stage
from envbuild.execute.steps import StepRun

Inputs = Mapping[str, Blob]


class Stated:
    """A step's mounts, and the variables that come from secrets."""

    def __init__(self) -> None:
        self.mounts: list[Mount] = []
        self.variables: dict[str, str] = {}


class Mounting:
    """Makes mounts of what steps state."""

    def __init__(self, roots: Roots, caches: Caches) -> None:
        self._roots = roots
        self._caches = caches

    @contextmanager
    def open(self, step: StepRun, folder: Path) -> Iterator[Stated]:
        """The mounts, usable within the block; `folder` takes trees of files. Raises EnvbuildError."""
        stated = Stated()
        with ExitStack() as stack:
            for number, mount in enumerate(step.stated["mounts"]):
                if mount["type"] == "secret":
                    _add_secret(mount, step.secrets, stated)
                elif mount["type"] == "bind" and "items" in mount:
                    place = folder / str(number)
                    tree = copy_tree(mount, step.mounted(number), place, step.stated["epoch"])
                    stated.mounts.append(Bind(tree, mount["target"], mount["readonly"]))
                elif mount["type"] == "modules":
                    place = unpack_modules(mount, step.mounted(number)["wheel"], folder / str(number))
                    stated.mounts.append(Bind(place, mount["target"]))
                else:
                    stated.mounts.append(self._other(mount, step.mounted(number), stack))
            yield stated

    def _other(self, mount: Mapping[str, Any], below: Inputs, stack: ExitStack) -> Mount:
        match mount["type"]:
            case "cache":
                source = stack.enter_context(self._caches.open(mount["id"], mount["sharing"]))
                owner = (mount["mode"], mount["uid"], mount["gid"])
                return CacheFolder(source, mount["target"], *owner)
            case "file":
                return HeldFile(mount["target"], mount["text"].encode(), mount["mode"])
            case "tmpfs":
                return Memory(mount["target"], mount["size"])
        layers = [blob for _, blob in sorted(below.items())]
        roots = tuple(self._roots.unpack(layers))
        return Stage(roots, mount["source"], mount["target"], mount["readonly"])


def _add_secret(mount: Mapping[str, Any], secrets: Mapping[str, bytes], stated: Stated) -> None:
    value = secrets.get(mount["id"])
    if value is None:
        return
    if mount["env"]:
        stated.variables[mount["env"]] = os.fsdecode(value)
    else:
        stated.mounts.append(HeldFile(mount["target"], value, mount["mode"], mount["uid"], mount["gid"]))


def copy_tree(mount: Mapping[str, Any], below: Inputs, folder: Path, epoch: int) -> Path:
    """A part of the build context, copied: a step must not get at the store's own.

    Returns the file or folder in `folder`, which is made, that the mount names. Raises BuildError.
    """
    folder.mkdir()
    for item in mount["items"]:
        _put(item, _below(folder, item["path"]), below, epoch)
    for above, _, _ in os.walk(folder):
        Path(above).chmod(0o755)
        os.utime(above, (epoch, epoch))
    place = _below(folder, mount["source"])
    if not place.exists():
        source, target = mount["source"], mount["target"]
        raise BuildError(f"there is no `{source}` in the build context to mount at `{target}`")
    return place


def _put(item: Mapping[str, Any], place: Path, below: Inputs, epoch: int) -> None:
    """A file, a link as it is, or a folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if "file" in item:
        shutil.copyfile(below[f"files/{item['file']:05}"].path, place)
        place.chmod(item["mode"])
    elif "target" in item:
        place.symlink_to(item["target"])
    else:
        place.mkdir(exist_ok=True)
    os.utime(place, (epoch, epoch), follow_symlinks=False)


def unpack_modules(mount: Mapping[str, Any], wheel: Blob, folder: Path) -> Path:
    """The modules of a wheel, straight from it; returns `folder`, which is made. Raises ArchiveError."""
    from envbuild.archive.wheel_modules import read_modules

    placed = {"file_name": mount["file"], "prefix": mount["prefix"], "python": mount["python"]}
    folder.mkdir()
    with wheel.path.open("rb") as file:
        for path, source in read_modules(file, **placed):
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(source)
            place.chmod(0o644)  # bytecode takes on the mode of its module
    return folder


def _below(folder: Path, path: str) -> Path:
    """A place in a folder; raises BuildError for one outside."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BuildError(f"`{path}` leads out of the build context")
    return folder.joinpath(*parts)
