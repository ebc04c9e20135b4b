"""A real Debian image in layers, as official images of Python are: made by Debian's tools and an engine."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from tests.makers.base_images import OCI, Layer, Upstream, sha256
from tests.makers.docker import Docker

SUITE = "bookworm"
_SUITES = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
_FINISHED = "image"
# The upper layers take something from the lower ones, so that there are whiteouts of Docker's.
_DOCKERFILE = f"""\
FROM {SUITE}
ENV LANG=C.UTF-8
RUN apt-get update && apt-get install -y --no-install-recommends netbase python3 tzdata && apt-get clean
ENV PYTHON_VERSION=3.11
RUN rm -rf /var/lib/apt/lists/* /usr/share/man/* && ln -s python3 /usr/bin/python
CMD ["python3"]
"""
# As official images name them: no `sources.list`, and the keys that the archive's packages bring.
_STANZA = """\
Types: deb
# what it was made from
URIs: {}
Suites: {}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@dataclass(frozen=True)
class DebianImage:
    """An image in a folder as skopeo's `dir:` has it: the types are those of Docker's schema 2."""

    folder: Path

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration as it was made."""
        return self._read(self._manifest["config"]["digest"].partition(":")[2])

    def push(self, upstream: Upstream, tag: str) -> None:
        """Put it there as it is."""
        assert upstream.login
        options = ("--dest-tls-verify=false", "--dest-creds", ":".join(upstream.login))
        _run("skopeo", "copy", *options, f"dir:{self.folder}", f"docker://{upstream.reference(tag)}")

    def push_converted(self, upstream: Upstream, tag: str) -> None:
        """Put it there as BuildKit does: an index of OCI's types, upper layers as zstd, what it attests."""
        config = self.config["config"]
        pushed = upstream.push(*self._layers(), config={key: config[key] for key in ("Cmd", "Env")})
        attested = {
            **upstream.push(Layer(b"{}", "application/vnd.in-toto+json", sha256(b"{}"))),
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }
        upstream.push_index(pushed, attested, tag=tag)

    def _layers(self) -> Iterator[Layer]:
        for number, layer in enumerate(self._manifest["layers"]):
            data = (self.folder / layer["digest"].partition(":")[2]).read_bytes()
            tar = gzip.decompress(data)
            form = "zstd" if number else "gzip"
            data = zstandard.ZstdCompressor().compress(tar) if number else data
            yield Layer(data, f"{OCI}.layer.v1.tar+{form}", sha256(tar))

    @property
    def _manifest(self) -> dict[str, Any]:
        return self._read("manifest.json")

    def _read(self, name: str) -> dict[str, Any]:
        document = json.loads((self.folder / name).read_bytes())
        assert isinstance(document, dict)
        return document


def make_debian_image(folder: Path, docker: Docker) -> DebianImage:
    """Bootstrap Debian from this machine's own mirror, and let an engine put Python on it."""
    folder.mkdir(exist_ok=True)
    root, dockerfile, sources = folder / "root.tar", folder / "Dockerfile", folder / "debian.sources"
    sources.write_text("\n".join(_STANZA.format(url, suite) for suite, url in find_mirrors().items()))
    options = ("--quiet", "--variant=minbase", "--include=ca-certificates")
    _run("mmdebstrap", *options, SUITE, root, sources)
    docker("import", str(root), SUITE)
    root.unlink()
    dockerfile.write_text(_DOCKERFILE)
    docker("build", "--network=host", "--quiet", "--tag=python:slim", "--file", str(dockerfile), str(folder))
    draft = folder / "draft"
    origin = ("--src-daemon-host", docker.address, "docker-daemon:python:slim")
    _run("skopeo", "copy", "--dest-compress", *origin, f"dir:{draft}")
    docker("image", "rm", "python:slim", SUITE)
    return DebianImage(draft.rename(folder / _FINISHED))


def find_debian_image(folder: Path) -> DebianImage | None:
    """The image that another process made in this folder."""
    finished = folder / _FINISHED
    return DebianImage(finished) if finished.exists() else None


def find_mirrors() -> dict[str, str]:
    """Where this machine gets Debian and its updates from, by suite."""
    told = ("--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages", "Component: main")
    rows = (line.split() for line in _run("apt-get", "indextargets", *told).splitlines())
    found = {suite: url for suite, url in rows if suite in _SUITES}
    assert SUITE in found, "apt's configuration has no mirror"
    return found


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout
