"""Images of others in a registry, put there without any code of ours: any layers, any documents."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import zstandard

from tests.makers.debian import entry, make_tar
from tests.makers.registry_content import ACCEPT

Entry = tuple[tarfile.TarInfo, bytes]

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
# Enough of a root for a lock to tell what is in it: nothing of it runs.
LIBC = "usr/lib/x86_64-linux-gnu/libc.so.6"
PYTHON = "usr/local/bin/python3.11"
STATUS = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n"
ROOT: Mapping[str, str | bytes] = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
    "etc/group": "root:x:0:\napp:x:1000:\n",
    LIBC: b"\x7fELF GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n",
    PYTHON: b"\x7fELF\x003.11.9\x00",
    "var/lib/dpkg/status": STATUS,
}
CONFIG = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"], "Cmd": ["python3"]}


@dataclass(frozen=True)
class Layer:
    """A layer's bytes as a registry has them, its media type, and the digest of its tar."""

    data: bytes
    media_type: str
    diff_id: str
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def descriptor(self) -> dict[str, Any]:
        stated = {"annotations": dict(self.annotations)} if self.annotations else {}
        return {"mediaType": self.media_type, "digest": sha256(self.data), "size": len(self.data), **stated}


@dataclass(frozen=True)
class Upstream:
    """A repository of a registry, for others' images; `login` is (user, password)."""

    host: str
    repository: str
    login: tuple[str, str] | None = None

    def reference(self, tag: str = "1") -> str:
        """How a spec names an image."""
        return f"{self.host}/{self.repository}:{tag}"

    def push(
        self,
        *layers: Layer,
        tag: str = "",
        architecture: str = "amd64",
        config: Mapping[str, Any] = CONFIG,
        docker: bool = False,
        more: Mapping[str, Any] = {},
    ) -> dict[str, Any]:
        """Put an image for one platform there, under its digest or a tag; returns its descriptor.

        `more` are further fields of the config's document.
        """
        for layer in layers:
            self.put_blob(layer.data)
        stated = {
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            **more,
        }
        kind = f"{DOCKER}.container.image.v1+json" if docker else f"{OCI}.config.v1+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{DOCKER}.distribution.manifest.v2+json" if docker else f"{OCI}.manifest.v1+json",
            "config": {"mediaType": kind, **self.put_blob(json.dumps(stated).encode())},
            "layers": [layer.descriptor for layer in layers],
        }
        platform = {"os": "linux", "architecture": architecture}
        return {**self.put_manifest(manifest, tag), "platform": platform}

    def push_index(self, *entries: Mapping[str, Any], tag: str = "", docker: bool = False) -> dict[str, Any]:
        """Put an index of manifests there."""
        kind = f"{DOCKER}.distribution.manifest.list.v2+json" if docker else f"{OCI}.index.v1+json"
        return self.put_manifest({"schemaVersion": 2, "mediaType": kind, "manifests": list(entries)}, tag)

    def put_manifest(self, document: Mapping[str, Any], tag: str = "") -> dict[str, Any]:
        """Put any document where manifests lie; returns its descriptor."""
        data, kind = json.dumps(document).encode(), document["mediaType"]
        self._ask("PUT", f"manifests/{tag or sha256(data)}", data, {"Content-Type": kind})
        return {"mediaType": kind, "digest": sha256(data), "size": len(data)}

    def read_manifest(self, tag: str) -> tuple[str, dict[str, Any]] | None:
        """The digest that a tag names, and the document; None where there is none."""
        url = f"http://{self.host}/v2/{self.repository}/manifests/{tag}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": ACCEPT})) as response:
                data = response.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return sha256(data), json.loads(data)

    def put_blob(self, data: bytes) -> dict[str, Any]:
        """Put a blob there; returns its digest and size."""
        digest = sha256(data)
        place = self._ask("POST", "blobs/uploads/").headers["Location"]
        mark = "&" if "?" in place else "?"
        self._ask("PUT", f"{place}{mark}digest={digest}", data, {"Content-Type": "application/octet-stream"})
        return {"digest": digest, "size": len(data)}

    def remove(self, digest: str, kind: str = "manifests") -> None:
        """Take a manifest, or with `kind` "blobs" a blob, away again."""
        self._ask("DELETE", f"{kind}/{digest}")

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        try:
            self._ask("HEAD", f"blobs/{digest}")
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            raise
        return True

    def _ask(
        self, method: str, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        url = path if "://" in path else f"http://{self.host}/v2/{self.repository}/{path}"
        request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
        if self.login:
            encoded = base64.b64encode(":".join(self.login).encode()).decode()
            request.add_header("Authorization", f"Basic {encoded}")
        with urllib.request.urlopen(request) as response:
            response.read()
            return response


def sha256(data: bytes) -> str:
    """A digest as documents write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def make_layer(
    files: Mapping[str, str | bytes] = ROOT, *others: Entry, form: str = "gzip", docker: bool = False
) -> Layer:
    """A layer of these files behind other entries: `form` is "gzip", "zstd", or "" for a plain tar."""
    named = [
        entry(
            path,
            content.encode() if isinstance(content, str) else content,
            0o755 if "bin/" in path else 0o644,
        )
        for path, content in files.items()
    ]
    tar = make_tar([*others, *named])
    data = {"": lambda: tar, "gzip": lambda: gzip.compress(tar, mtime=0), "zstd": lambda: _zstd(tar)}[form]()
    plain = f"{DOCKER}.image.rootfs.diff.tar" if docker else f"{OCI}.layer.v1.tar"
    ending = (f".{form}" if docker else f"+{form}") if form else ""
    return Layer(data, plain + ending, sha256(tar))


def _file(path: str, content: str | bytes) -> Entry:
    data = content.encode() if isinstance(content, str) else content
    return entry(path, data, 0o755 if "bin/" in path else 0o644)


def _zstd(data: bytes) -> bytes:
    compressed: bytes = zstandard.ZstdCompressor().compress(data)
    return compressed
