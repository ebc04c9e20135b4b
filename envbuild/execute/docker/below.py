"""What lies below a step: the layers' files and folders, and their contents where they are asked for."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping, Sequence
from typing import Final

from envbuild.archive.decompress import PIECE, Source, open_layer
from envbuild.archive.root_scan import Node, RootScan, entry_path
from envbuild.archive.tar_reader import EVERY_KIND, read_capability, read_tar
from envbuild.core.dataclass import dataclass
from envbuild.execute.sandbox.roots import Blob


@dataclass(frozen=True, slots=True)
class Contents:
    """What tells apart files of one mode and owner."""

    size: int
    sha256: str
    attributes: Mapping[str, bytes]


class Below:
    """The root that a step finds."""

    def __init__(self, layers: Sequence[Blob]) -> None:
        self._layers = layers
        self.scan = RootScan(lambda _: False)
        for layer in layers:
            with layer.path.open("rb") as file:
                self.scan.add_layer(open_layer(file))

    def get(self, path: str) -> Node | None:
        """What is at a path."""
        return self.scan.nodes.get(path)

    def read(self, paths: Sequence[str]) -> dict[str, Contents]:
        """The contents of what is at these paths; only the layers that have them are read."""
        wanted: dict[int, dict[str, list[str]]] = {}
        found: dict[str, Contents] = {}
        for path in paths:
            node = self.scan.nodes[path]
            wanted.setdefault(node.layer, {}).setdefault(node.origin, []).append(path)
            found[path] = _NOTHING  # of a folder that no layer names
        for number, origins in wanted.items():
            if number >= 0:
                found |= self._read_layer(self._layers[number], origins)
        return found

    def _read_layer(self, layer: Blob, origins: Mapping[str, Sequence[str]]) -> dict[str, Contents]:
        found: dict[str, Contents] = {}
        with layer.path.open("rb") as file:
            for entry, source in read_tar(open_layer(file), EVERY_KIND):
                paths = origins.get(entry_path(entry.name), ())
                if paths and not entry.islnk():
                    found |= dict.fromkeys(paths, read_contents(entry, source))
        return found


def read_contents(entry: tarfile.TarInfo, source: Source) -> Contents:
    """The contents of a tar's entry."""
    sha256, size = hashlib.sha256(), entry.size if entry.isreg() else 0
    left = size
    while left:
        piece = source.read(min(left, PIECE))
        sha256.update(piece)
        left -= len(piece)
    return Contents(size, sha256.hexdigest(), read_capability(entry))


_NOTHING: Final = Contents(0, hashlib.sha256().hexdigest(), {})
