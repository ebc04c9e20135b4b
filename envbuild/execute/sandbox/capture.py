"""The layer of what a step changed (OCI image spec, layer.md): times are one constant, all else is kept."""

from __future__ import annotations

from contextlib import nullcontext
from io import FileIO
from typing import Final

from envbuild.archive.decompress import PIECE
from envbuild.archive.layer import LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.root_scan import OPAQUE, WHITEOUT
from envbuild.core.errors import ArchiveError
from envbuild.execute.sandbox.inside import changes
from envbuild.execute.sandbox.inside.channel import Message

_MARK_MODE: Final = 0o600


class Capture:
    """Takes the changes of a step, in order, and writes them as a layer."""

    def __init__(self, out: Sink, epoch: int) -> None:
        self._writer = LayerWriter(out, epoch=epoch)

    def take(self, change: Message, descriptor: int | None) -> None:
        """Add one change; closes its open file. Raises ArchiveError for a path that no layer can hold."""
        with nullcontext() if descriptor is None else FileIO(descriptor) as file:
            if change["what"] != changes.GONE:
                refuse_mark(change["path"])
            if file is None:
                self._add(change)
            else:
                self._add_file(change, file)

    def finish(self) -> LayerInfo:
        """End the layer."""
        return self._writer.finish()

    def _add(self, change: Message) -> None:
        path, what = change["path"], change["what"]
        self._writer.attributes(path, change.get("attributes", {}))
        owner = {name: change[name] for name in ("uid", "gid")}
        if what == changes.GONE:
            folder, _, name = path.rpartition("/")
            self._mark(folder, WHITEOUT + name)
        elif what == changes.REPLACED:
            self._mark(path, OPAQUE)
        elif what == changes.FOLDER:
            self._writer.directory(path, mode=change["mode"], **owner)
        elif what == changes.LINK:
            self._writer.symlink(path, change["target"], **owner)
        elif what == changes.HARD_LINK:
            self._writer.hardlink(path, change["target"])
        else:
            self._writer.fifo(path, mode=change["mode"], **owner)

    def _add_file(self, change: Message, file: FileIO) -> None:
        path, size = change["path"], change["size"]
        stated = {name: change[name] for name in ("mode", "uid", "gid")}
        self._writer.attributes(path, change["attributes"])
        if size > PIECE:
            self._writer.copied_file(path, file, size, **stated)
        else:
            self._writer.file(path, file.read(size), **stated)

    def _mark(self, folder: str, name: str) -> None:
        self._writer.file(f"{folder}/{name}" if folder else name, b"", mode=_MARK_MODE)


def refuse_mark(path: str) -> None:
    """Raise ArchiveError for a name that every reader of the layer would take for a mark."""
    if path.rpartition("/")[2].startswith(WHITEOUT):
        raise ArchiveError(f"`/{path}` has a name that means in layers that something is gone")
