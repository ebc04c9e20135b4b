"""Where files of the workspace come to lie on a base, and what the folders above them are like."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from envbuild.archive.listing import folders_above, parent_paths
from envbuild.core.errors import SpecError
from envbuild.lock.base_image import Folder, Root
from envbuild.lock.model import Json
from envbuild.rule import builtins
from envbuild.rule.declared import Builtin, Input, SourceFile
from envbuild.rule.image import Image, below_layers
from envbuild.spec.files import FileEntry


def declare_files(
    entries: Sequence[FileEntry], base: Image | None
) -> tuple[Builtin, Mapping[str, Json], Mapping[str, Input]]:
    """The builtin that makes the layer of these files, in order, with its parameters and inputs.

    What the base's files decide is known from its lock; where steps may have changed them, from its
    layers. Raises SpecError for a destination that is a folder of the base.
    """
    inputs: dict[str, Input] = {
        f"files/{n:05}": SourceFile(entry.digest, entry.executable, str(entry.path))
        for n, entry in enumerate(entries)
    }
    if base is not None and base.has_steps:
        return builtins.COPY_LAYER, _copy_parameters(entries), {**inputs, **below_layers(base.all_layers)}
    if base is not None and base.foreign:
        return builtins.FILES_LAYER, _place_files(entries, base.root), inputs
    merged_usr = base is not None and base.merged_usr
    files: list[Json] = [[entry.destination, _mode(entry)] for entry in entries]
    return builtins.FILES_LAYER, {"files": files, "merged_usr": merged_usr}, inputs


def find_changed(path: str, root: Root) -> Iterator[tuple[str, str]]:
    """What is unusual about the folders above a path: each folder, and what it is in the base.

    A layer that names them would change them, or hide what a link leads to.
    """
    for folder in sorted((path, *parent_paths(path))):
        found = root.folder(folder)
        if folder in root.links:
            yield folder, f"a link to `/{root.links[folder]}`"
        elif folder in root.folders and found != Folder(0o755):
            yield folder, f"a folder of {found.uid}:{found.gid} with mode {found.mode:04o}"


def _place_files(entries: Sequence[FileEntry], root: Root) -> Mapping[str, Json]:
    """Files where links lead, with the folders above them as the base has them."""
    files: list[Json] = []
    places = []
    for entry in entries:
        place = root.resolve(entry.destination.removeprefix("/"))
        if place in root.links or place in root.folders:
            raise SpecError(
                f"`{entry.destination}` is a folder of its base, and a file would take its place",
                hint=f"write `{posixpath.join(entry.destination, entry.path.name)}`",
            )
        places.append(place)
        files.append([f"/{place}", _mode(entry)])
    above = {path: root.folder(path) for path in sorted(folders_above(places))}
    folders: dict[str, Json] = {path: [each.mode, each.uid, each.gid] for path, each in above.items()}
    return {"files": files, "merged_usr": False, "folders": folders}


def _copy_parameters(entries: Sequence[FileEntry]) -> Mapping[str, Json]:
    items: list[Json] = [
        {"path": entry.destination.removeprefix("/"), "file": n, "mode": _mode(entry)}
        for n, entry in enumerate(entries)
    ]
    whole: dict[str, Json] = {"destination": "/", "owner": "", "mode": None, "unpack": False}
    return {**whole, "items": items, "single": False}


def _mode(entry: FileEntry) -> int:
    return 0o755 if entry.executable else 0o644
