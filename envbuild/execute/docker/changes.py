"""What a container changed: the layer that its engine makes of it, read against the layers below.

The engine's layer has all that was copied up. What is as it was is left out here, as in the sandbox, and
what is told comes in the sandbox's order, so that both make the same bytes (sandbox/inside/changes.py).
"""

from __future__ import annotations

import stat
import tarfile
from collections.abc import Collection, Iterator
from copy import copy
from pathlib import Path
from typing import Final

from envbuild.archive.decompress import open_layer
from envbuild.archive.root_scan import OPAQUE, WHITEOUT, entry_path
from envbuild.archive.tar_reader import EVERY_KIND, read_tar
from envbuild.core.errors import BuildError
from envbuild.execute.docker.below import Below, Contents, read_contents
from envbuild.execute.sandbox.inside import changes
from envbuild.execute.sandbox.inside.channel import CHANGE, Message

_OTHER_MARKS: Final = ".wh..wh."
_DEVICE_HINT: Final = "remove it in the same step"
_END: Final = ((1, ""),)  # after all that is in a folder


class Changed:
    """An entry of the engine's layer."""

    def __init__(self, entry: tarfile.TarInfo, contents: Contents) -> None:
        self.entry = entry
        self.contents = contents
        self.identity = (stat.S_IMODE(entry.mode), entry.uid, entry.gid)


class Changes:
    """The changes in a layer; `places` are those of mounts, of which nothing is told."""

    def __init__(self, layer: Path, below: Below, places: Collection[str]) -> None:
        self._below = below
        self._places = places
        self._entries: dict[str, Changed] = {}
        self._gone: set[str] = set()
        self._replaced: set[str] = set()
        self._names: dict[str, list[str]] = {}  # of files: under the first one in the layer
        with layer.open("rb") as file:
            for entry, source in read_tar(open_layer(file), EVERY_KIND, any_time=True):
                self._take(entry, read_contents(entry, source))

    def tell(self) -> Iterator[tuple[Message, int | None]]:
        """Every change in order, each with where a file's bytes are in the layer. Raises BuildError."""
        told = self._files()
        for path in list(told):
            while path := path.rpartition("/")[0]:
                if path in self._entries:
                    told.setdefault(path, self._message(path, changes.FOLDER))
        for path in sorted(told, key=self._order):
            message = told[path]
            if path in self._replaced and self._was_folder(path):
                yield message | {"what": changes.REPLACED}, None
            is_file = message["what"] == changes.FILE
            yield message, self._holder(path).entry.offset_data if is_file else None

    def _take(self, entry: tarfile.TarInfo, contents: Contents) -> None:
        path = entry_path(entry.name)
        folder, _, name = path.rpartition("/")
        if name == OPAQUE:
            self._replaced.add(folder)
        elif name.startswith(WHITEOUT) and not name.startswith(_OTHER_MARKS):
            self._gone.add(f"{folder}/{name.removeprefix(WHITEOUT)}".lstrip("/"))
        elif path and not name.startswith(_OTHER_MARKS):
            entry = self._unlinked(entry)
            first = entry_path(entry.linkname) if entry.islnk() else path
            self._names.setdefault(first, []).append(path)
            self._entries[path] = Changed(entry, contents)

    def _unlinked(self, entry: tarfile.TarInfo) -> tarfile.TarInfo:
        """Another name of a pipe or symbolic link as one of its own: layers link files alone."""
        first = self._entries.get(entry_path(entry.linkname)) if entry.islnk() else None
        return entry if first is None or first.entry.isreg() else copy(first.entry)

    def _files(self) -> dict[str, Message]:
        """What to tell, without the folders that only lie above it."""
        told: dict[str, Message] = {}
        same = self._same()
        linked: dict[str, str] = {}
        for names in self._names.values():
            first = min(names, key=self._order)
            linked |= {name: first for name in names if name != first and len(names) > 1}
        for path, changed in self._entries.items():
            if path in same or self._is_place(path):
                continue
            if path in linked:
                told[path] = self._message(path, changes.HARD_LINK) | {"target": linked[path]}
            else:
                told[path] = self._message(path, self._kind(path, changed.entry))
        for path in self._gone:
            if self._compared(path) and self._below.get(path) is not None:
                told[path] = {"kind": CHANGE, "what": changes.GONE, "path": path, "uid": 0, "gid": 0}
        return told

    def _same(self) -> set[str]:
        """What differs from what lies below by nothing but times."""
        alike = {path for path in self._entries if self._looks_same(path)}
        known = self._below.read(sorted(alike))
        return {path for path in alike if self._holder(path).contents == known[path]}

    def _looks_same(self, path: str) -> bool:
        changed, node = self._entries[path], self._below.get(path)
        if node is None or not self._compared(path) or path in self._replaced:
            return False
        if len(self._names.get(path, ())) > 1 or changed.entry.islnk():
            return False
        entry = changed.entry
        kinds = (entry.type, entry.linkname) == (node.kind, node.target) or (entry.isreg() and node.is_file)
        return kinds and changed.identity == (node.mode, node.uid, node.gid)

    def _compared(self, path: str) -> bool:
        """Whether what lies below counts: no folder above is new, or in the place of another."""
        while path := path.rpartition("/")[0]:
            if path in self._replaced or (path in self._entries and not self._was_folder(path)):
                return False
        return True

    def _was_folder(self, path: str) -> bool:
        node = self._below.get(path)
        return node is not None and node.is_folder and self._compared(path)

    def _is_place(self, path: str) -> bool:
        """Whether it was made to mount something on; what lies in such a folder names it all the same."""
        return path in self._places

    def _holder(self, path: str) -> Changed:
        """The entry with a file's bytes."""
        changed = self._entries[path]
        return self._entries[entry_path(changed.entry.linkname)] if changed.entry.islnk() else changed

    def _kind(self, path: str, entry: tarfile.TarInfo) -> str:
        if entry.isdir():
            return changes.FOLDER
        if entry.issym():
            return changes.LINK
        if entry.isfifo():
            return changes.PIPE
        if entry.isreg() or entry.islnk():
            return changes.FILE
        raise BuildError(f"the step made the device `/{path}`: no layer holds devices", hint=_DEVICE_HINT)

    def _message(self, path: str, what: str) -> Message:
        holder = self._holder(path)
        mode, uid, gid = holder.identity
        return {
            "kind": CHANGE,
            "what": what,
            "path": path,
            "mode": mode,
            "uid": uid,
            "gid": gid,
            "size": holder.contents.size,
            "target": holder.entry.linkname,
            "attributes": {} if what == changes.HARD_LINK else holder.contents.attributes,
        }

    def _order(self, path: str) -> tuple[tuple[int, str], ...]:
        """By name below each folder, a folder after what is in it."""
        changed = self._entries.get(path)
        parts = tuple((0, part) for part in path.split("/"))
        return parts + _END if changed is not None and changed.entry.isdir() else parts
