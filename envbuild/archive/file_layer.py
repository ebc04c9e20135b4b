"""Files from the workspace as a layer, at absolute places of the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, Final

from envbuild.archive.base_folders import folder_mode
from envbuild.archive.layer import EPOCH, LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import folders_above
from envbuild.archive.merged_usr import merge_usr
from envbuild.core.errors import ArchiveError

Open = Callable[[], BinaryIO]
NO_FOLDERS: Final[Mapping[str, Sequence[int]]] = {}


def write_files_layer(
    files: Sequence[tuple[str, Open, int]],
    out: Sink,
    *,
    merged_usr: bool,
    folders: Mapping[str, Sequence[int]] = NO_FOLDERS,
    epoch: int = EPOCH,
) -> LayerInfo:
    """Write files, each a destination ("/app/train.py"), what opens its contents, and a mode; root owns them.

    Contents are seekable, and opened one at a time: there may be more files than a process can open.
    The order of `files` is irrelevant. With `merged_usr`, `/bin` and its like are links of the base, and
    files go to where they lead. The layer names every folder above the files; `folders` are the mode, uid
    and gid of those that a base has its own way, by their paths without leading slash.
    Raises ArchiveError; what `out` holds must be dropped then.
    """
    place = merge_usr if merged_usr else str
    placed = {place(_relative(path)): (open_file, mode) for path, open_file, mode in files}
    if len(placed) != len(files):
        raise ArchiveError("two files have the same destination", hint="give each its own")
    above = folders_above(placed)
    clash = min(above & placed.keys(), default="")
    if clash:
        raise ArchiveError(f"`/{clash}` is a destination and a folder of another", hint="rename one")
    writer = LayerWriter(out, epoch=epoch)
    for path in sorted(above | placed.keys()):
        if path in above:
            mode, uid, gid = folders.get(path, (folder_mode(path), 0, 0))
            writer.directory(path, mode=mode, uid=uid, gid=gid)
        else:
            open_file, mode = placed[path]
            with open_file() as source:
                size = source.seek(0, 2)
                source.seek(0)
                writer.copied_file(path, source, size, mode=mode)
    return writer.finish()


def _relative(path: str) -> str:
    if not path.startswith("/"):
        raise ArchiveError(f"the destination `{path}` is not absolute", hint=f"write `/{path}`")
    return path.removeprefix("/")
