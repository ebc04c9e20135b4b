"""A Docker engine's own command line, and what its images are: read from its archives by plain readers."""

from __future__ import annotations

import hashlib
import io
import json
import os
import posixpath
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Debian's own: other releases of the command line ask for a plug-in before they use BuildKit.
_DOCKER = "/usr/bin/docker"


@dataclass(frozen=True)
class Docker:
    """The engine's own command line."""

    address: str

    def __call__(self, *arguments: str) -> bytes:
        """Run `docker`, which must succeed; returns what it prints."""
        variables = {"DOCKER_HOST": self.address, "DOCKER_BUILDKIT": "1"}
        command = [_DOCKER, *arguments]
        done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, check=False)
        assert done.returncode == 0, done
        return done.stdout

    def build(self, dockerfile: Path, context: Path, tag: str, *options: str) -> None:
        """Build by BuildKit, without network."""
        where = ("--file", str(dockerfile), "--tag", tag, str(context))
        self("build", "--network=none", "--no-cache", "--quiet", *options, *where)

    def config(self, image: str) -> dict[str, Any]:
        """How a container of an image starts; what is empty is left out."""
        (found,) = json.loads(self("image", "inspect", image))
        config = {key: value for key, value in found["Config"].items() if value not in (None, "", [], {})}
        config["Env"] = sorted(config.get("Env", ()))  # of which the order says nothing
        return {key: config[key] for key in _CONFIG if key in config}

    def tree(self, image: str, *, above: int = 0) -> dict[str, str]:
        """Each path of an image with its type, mode, owner, and target or contents.

        Only of what lies `above` so many layers, for images that have the same below.
        """
        saved = self("image", "save", image)
        with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
            (manifest,) = json.loads(_read(archive, "manifest.json"))
            layers = [_read(archive, name) for name in manifest["Layers"][above:]]
        return read_tree(layers)


_CONFIG = (
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "Labels",
    "OnBuild",
    "Shell",
    "StopSignal",
    "User",
    "Volumes",
    "WorkingDir",
)


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


def read_tree(layers: Iterable[bytes]) -> dict[str, str]:
    """What `Docker.tree` tells, of layers as they are, bottom first."""
    found: dict[str, str] = {}
    for layer in layers:
        _put(layer, found)
    return dict(sorted(found.items()))


def _put(layer: bytes, found: dict[str, str]) -> None:
    """Put a layer on what there is: whiteouts take only from the layers below."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        members = [(posixpath.normpath("/" + member.name), member) for member in archive]
        for path, member in members:
            folder, name = posixpath.split(path)
            if name == ".wh..wh..opq":
                _remove(found, folder, itself=False)
            elif name.startswith(".wh."):
                _remove(found, posixpath.join(folder, name[4:]), itself=True)
            elif not member.isdir():
                _remove(found, path, itself=False)
        present = [(path, each) for path, each in members if ".wh." not in posixpath.basename(path)]
        files: dict[str, str] = {}
        for path, member in present:
            found[path] = files[path] = _describe(archive, member, files)


def _remove(found: dict[str, str], path: str, *, itself: bool) -> None:
    for each in list(_below(found, path)):
        del found[each]
    if itself:
        found.pop(path, None)


def _below(found: dict[str, str], path: str) -> Iterator[str]:
    prefix = path.rstrip("/") + "/"
    return (each for each in found if each.startswith(prefix))


def _describe(archive: tarfile.TarFile, member: tarfile.TarInfo, files: dict[str, str]) -> str:
    """Of a hard link what its file is."""
    if member.islnk():
        return files[posixpath.normpath("/" + member.linkname)]
    kind = {tarfile.REGTYPE: "file", tarfile.SYMTYPE: "link", tarfile.DIRTYPE: "folder"}
    what = kind.get(member.type, f"type {member.type!r}")
    owner = f"{member.uid}:{member.gid}"
    if member.issym():
        return f"{what} {owner} {member.linkname}"
    content = ""
    if member.isreg():
        data = _read_member(archive, member)
        content = repr(data) if len(data) < 200 else hashlib.sha256(data).hexdigest()
    attributes = "".join(
        f" {key}={value!a}" for key, value in sorted(member.pax_headers.items()) if "xattr" in key
    )
    return f"{what} {member.mode & 0o7777:04o} {owner} {content}".rstrip() + attributes


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()
