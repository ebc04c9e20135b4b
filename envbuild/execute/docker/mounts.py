"""The mounts that a step states, as a container has them: volumes, and files put into its root.

An engine may be elsewhere, so nothing is mounted from this machine. A file cannot be a mount then: it is
put into the container, and what becomes of it there is in no layer.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import BuildError
from envbuild.execute.docker.below import Below
from envbuild.execute.docker.image import load_root
from envbuild.execute.docker.volumes import LABEL, PREFIX
from envbuild.execute.sandbox.caches import Caches
from envbuild.execute.sandbox.mounting import copy_tree, unpack_modules
from envbuild.execute.steps import StepRun

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container
    from docker.types import Mount

_FILLED: Final = "/v"
_GO_FOLDER: Final = 1 << 31  # in file modes as Go has them


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file in the container's root."""

    target: str
    data: bytes = field(repr=False)
    mode: int = 0o400
    uid: int = 0
    gid: int = 0


class Mounts:
    """Makes the mounts of one step; `image` is its root, and all that is made has the `labels`."""

    def __init__(
        self, client: docker.DockerClient, image: str, below: Below, folder: Path, labels: Mapping[str, str]
    ) -> None:
        self._client = client
        self._image = image
        self._below = below
        self._folder = folder
        self._labels = dict(labels)
        self.mounts: list[Mount] = []
        self.files: list[PlacedFile] = []
        self.variables: dict[str, str] = {}
        self.places: set[str] = set()

    def add_all(self, step: StepRun, caches: Caches, stack: ExitStack) -> None:
        """Make every mount that a step states; raises EnvbuildError, and what the SDK does."""
        for number, mount in enumerate(step.stated["mounts"]):
            match mount["type"]:
                case "secret":
                    self._add_secret(mount, step.secrets)
                case "file":
                    self._add_file(PlacedFile(mount["target"], mount["text"].encode(), mount["mode"]))
                case "tmpfs":
                    self._mount(
                        mount["target"], "", type="tmpfs", tmpfs_size=mount["size"] or None, tmpfs_mode=0o1777
                    )
                case "cache":
                    self._add_cache(mount, caches, stack)
                case "bind" if "items" in mount:
                    tree = copy_tree(
                        mount, step.mounted(number), self._folder / str(number), step.stated["epoch"]
                    )
                    self._add_tree(mount, tree)
                case "modules":
                    wheel, place = step.mounted(number)["wheel"], self._folder / str(number)
                    self._add_tree({**mount, "readonly": True}, unpack_modules(mount, wheel, place))
                case _:
                    self._add_stage(number, mount, step)

    def _add_secret(self, mount: Mapping[str, Any], secrets: Mapping[str, bytes]) -> None:
        value = secrets.get(mount["id"])
        if value is not None and mount["env"]:
            self.variables[mount["env"]] = os.fsdecode(value)
        elif value is not None:
            owner = (mount["mode"], mount["uid"], mount["gid"])
            self._add_file(PlacedFile(mount["target"], value, *owner))

    def _add_file(self, file: PlacedFile) -> None:
        """A file in the root; below /dev, which the engine makes anew, it needs a volume."""
        path = self._below.scan.resolve(file.target)
        node = self._below.get(path)
        if node is not None and node.is_folder:
            raise BuildError(f"`{file.target}` is a folder in the image: no file can be mounted there")
        folder, _, name = path.rpartition("/")
        if path.startswith("dev/"):
            volume = self._volume(write_tar([PlacedFile(name, file.data, file.mode, file.uid, file.gid)]))
            self._mount(f"/{folder}", volume, read_only=True)
            return
        self.files.append(PlacedFile(path, file.data, file.mode, file.uid, file.gid))
        self._note_place(path)
        self.places.add(path)

    def _add_cache(self, mount: Mapping[str, Any], caches: Caches, stack: ExitStack) -> None:
        """A volume that stays in the engine, with the mode and owner stated for a new one."""
        import docker

        place = stack.enter_context(caches.open(mount["id"], mount["sharing"]))
        name = PREFIX + place.name
        try:
            self._client.volumes.get(name)
        except docker.errors.NotFound:
            self._client.volumes.create(name, labels={LABEL: mount["id"]})
            self._fill(name, _own_volume(mount["mode"], mount["uid"], mount["gid"]), "/")
        self._mount(mount["target"], name)

    def _add_tree(self, mount: Mapping[str, Any], tree: Path) -> None:
        if tree.is_dir():
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode="w") as archive:
                archive.add(tree, ".", filter=_own_by_root)
            self._mount(mount["target"], self._volume(out.getvalue()), read_only=mount["readonly"])
        else:
            mode = tree.stat().st_mode & 0o777
            self._add_file(PlacedFile(mount["target"], tree.read_bytes(), mode))

    def _add_stage(self, number: int, mount: Mapping[str, Any], step: StepRun) -> None:
        """Another root's folder or file, copied out of a container that never runs."""
        name = f"{self._image}-{number}"
        layers = [blob for _, blob in sorted(step.mounted(number).items())]
        load_root(self._client, layers, name, self._labels)
        source = self._helper(name, [])
        path = "/" + mount["source"].strip("/")
        path = "/" + Below(layers).scan.resolve(path)
        _, status = source.get_archive(path)
        if status is not None and status["mode"] & _GO_FOLDER:
            pieces, _ = source.get_archive(f"{path.rstrip('/')}/.")
            self._mount(mount["target"], self._volume(pieces), read_only=mount["readonly"])
            return
        pieces, _ = source.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
            (entry,) = archive.getmembers()
            file = archive.extractfile(entry)
            data = file.read() if file else b""
        self._add_file(PlacedFile(mount["target"], data, entry.mode & 0o7777, entry.uid, entry.gid))

    def _mount(self, target: str, source: str, **stated: Any) -> None:
        from docker.types import Mount

        path = self._below.scan.resolve(target)
        if stated.get("type") != "tmpfs":
            stated |= {"type": "volume", "no_copy": True}
        self.mounts.append(Mount(f"/{path}", source or None, **stated))
        self._note_place(path)

    def _note_place(self, path: str) -> None:
        """What the engine makes for a mount, and the folders above that are not there."""
        while path and self._below.get(path) is None:
            self.places.add(path)
            path = path.rpartition("/")[0]

    def _volume(self, archive: bytes | Iterable[bytes]) -> str:
        """A volume of this step with the files of a tar."""
        volume = self._client.volumes.create(labels=self._labels)
        self._fill(volume.name, archive)
        return str(volume.name)

    def _fill(self, volume: str, archive: bytes | Iterable[bytes], where: str = _FILLED) -> None:
        from docker.types import Mount

        helper = self._helper(self._image, [Mount(_FILLED, volume, type="volume", no_copy=True)])
        helper.put_archive(where, archive)
        helper.remove(force=True)

    def _helper(self, image: str, mounts: list[Mount]) -> Container:
        """A container that is never started."""
        return self._client.containers.create(
            image, ["-"], mounts=mounts, labels=self._labels, network_mode="none"
        )


def write_tar(files: Iterable[PlacedFile]) -> bytes:
    """Files as a tar to be put somewhere."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for file in files:
            entry = tarfile.TarInfo(file.target)
            entry.size, entry.mode, entry.uid, entry.gid = len(file.data), file.mode, file.uid, file.gid
            archive.addfile(entry, io.BytesIO(file.data))
    return out.getvalue()


def _own_volume(mode: int, uid: int, gid: int) -> bytes:
    """The folder that the volume is mounted on, as a tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(_FILLED.strip("/"))
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, uid, gid
        archive.addfile(entry)
    return out.getvalue()


def _own_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
