"""Images that others made, as a lock holds them: what to fetch, and what was read from their files."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.lock.model import Json, Locked
from envbuild.oci.config import Runtime
from envbuild.oci.document import Document

# Kinds of artifacts that are layers, and their media types (OCI image spec, layer.md).
LAYER_TYPES: Final = {
    "tar": "application/vnd.oci.image.layer.v1.tar",
    "tar+gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "tar+zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
# Annotations of layers by which engines fetch single files of them: eStargz, and zstd:chunked.
LAZY: Final = (
    "containerd.io/snapshot/stargz/",
    "io.containers.estargz.",
    "io.github.containers.zstd-chunked.",
)
DIRECT: Final = "oci://"  # before a host: the file of a layer whose registry has no alias


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's mode and owner."""

    mode: int
    uid: int = 0
    gid: int = 0


_PLAIN: Final = Folder(0o755)


@dataclass(frozen=True, slots=True)
class Root:
    """What of a root file system decides about files that are put on it; paths have no leading slash.

    `links` are the symbolic links that lead to folders, each with where it leads in the end;
    `folders` those whose mode or owner is not their parent's (the root is root's, 0755); `users`
    are "uid:gid" and `groups` "gid" by name; `alternatives` are the priorities of what Debian's
    alternatives lead to, by name.
    """

    links: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Folder] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    alternatives: Mapping[str, int] = field(default_factory=dict)

    def resolve(self, path: str) -> str:
        """Where a path leads by way of links to folders; its last part is taken as it is."""
        *folders, name = path.split("/")
        real = ""
        for part in folders:
            here = posixpath.join(real, part)
            real = self.links.get(here, here)
        return posixpath.join(real, name)

    def folder(self, path: str) -> Folder:
        """A folder's mode and owner; one that is not there is to be as that above it."""
        while path and path not in self.folders:
            path = posixpath.dirname(path)
        return self.folders.get(path, _PLAIN)


@dataclass(frozen=True, slots=True)
class BaseImage:
    """One platform's image of a registry, as it was when it was locked.

    `named` is the digest of what the reference named: an index, or the `manifest` itself. `layers`
    are from the bottom up: their versions are diff IDs, their kinds LAYER_TYPES. `config` is the
    image's `config` object, `facts` are those of a lock (libc, python, interpreter, suite) and
    of its apt (archive/apt_suites.py), and `packages` the installed Debian packages, "name version
    architecture", by name. `lazy` are the annotations of layers that engines need to pull them
    lazily, by the layers' sha256.
    """

    named: str
    manifest: Digest
    layers: tuple[Locked, ...]
    config: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    root: Root = field(default_factory=Root)
    packages: tuple[str, ...] = ()
    lazy: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        """How a container of it starts; raises BadImage."""
        return Runtime.read(Document(dict(self.config), f"the locked config of `{self.manifest}`"))
