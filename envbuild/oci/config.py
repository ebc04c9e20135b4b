"""Image configs: what a container starts with, and the layers' diff IDs (OCI image spec, config.md).

Our own have no `created`: a time would say nothing that the digest does not, and no two builds
would agree on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import PREFIX, Digest, parse_sha256
from envbuild.core.errors import EnvbuildError
from envbuild.core.platform import Platform
from envbuild.core.wire import canonical_json
from envbuild.oci.descriptor import CONFIG, Descriptor, read_platform
from envbuild.oci.document import BadImage, Document


@dataclass(frozen=True, slots=True)
class Runtime:
    """How a container of the image starts: the `config` object; what is empty is left out."""

    variables: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ()  # "80/tcp"
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    # Docker's, beyond OCI's: kept for the engines that know them.
    healthcheck: Mapping[str, Any] = field(default_factory=dict)
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON object, with the variables in order of their names."""
        values = {
            "Env": [f"{name}={value}" for name, value in sorted(self.variables.items())],
            "WorkingDir": self.workdir,
            "User": self.user,
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "Labels": dict(self.labels),
            "ExposedPorts": {port: {} for port in sorted(self.ports)},
            "Volumes": {path: {} for path in sorted(self.volumes)},
            "StopSignal": self.stop_signal,
            "Healthcheck": dict(self.healthcheck),
            "Shell": list(self.shell),
            "OnBuild": list(self.on_build),
        }
        return {key: value for key, value in values.items() if value}

    @classmethod
    def read(cls, document: Document) -> Runtime:
        """Read what any writer gave; raises BadImage."""
        pairs = (variable.partition("=") for variable in document.texts("Env"))
        return cls(
            {name: value for name, _, value in pairs},
            document.text("WorkingDir", ""),
            document.text("User", ""),
            document.texts("Entrypoint"),
            document.texts("Cmd"),
            document.table("Labels"),
            document.keys("ExposedPorts"),
            document.keys("Volumes"),
            document.text("StopSignal", "") if document.has("StopSignal") else "",
            document.object("Healthcheck"),
            document.texts("Shell"),
            document.texts("OnBuild"),
        )


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """A platform's image config; `history` has one line per layer that says what the layer holds.

    `diff_ids` are digests of the layers' tar files, uncompressed, from the bottom up.
    """

    platform: Platform
    runtime: Runtime
    diff_ids: tuple[str, ...]
    history: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The canonical JSON text, whose digest Docker calls the image's ID."""
        values: dict[str, Any] = {
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            "config": self.runtime.to_json(),
            "rootfs": {"type": "layers", "diff_ids": list(self.diff_ids)},
        }
        if self.history:
            values["history"] = [{"created_by": line} for line in self.history]
        return canonical_json(values)

    def describe(self) -> Descriptor:
        """The descriptor for the manifest."""
        return Descriptor(CONFIG, Digest.of(self.to_bytes()))

    @classmethod
    def parse(cls, data: bytes) -> ImageConfig:
        """Read a config of whatever writer; raises BadImage, or SpecError for a platform unknown to us."""
        document = Document.parse(data, "an image config")
        rootfs = document.part("rootfs")
        if rootfs.text("type") != "layers":
            raise BadImage("`rootfs.type` of an image config is not `layers`")
        config = document.part("config") if document.has("config") else Document({}, "an image config")
        return cls(
            read_platform(document),
            Runtime.read(config),
            _read_diff_ids(rootfs.texts("diff_ids")),
            _read_history(document.parts("history")),
        )


def _read_diff_ids(texts: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(PREFIX + parse_sha256(text) for text in texts)
    except EnvbuildError as error:
        raise BadImage(f"a diff ID is wrong: {error.message}") from None


def _read_history(entries: Sequence[Document]) -> tuple[str, ...]:
    """One line per layer: entries for steps that made no layer are left out."""
    return tuple(entry.text("created_by", "") for entry in entries if not entry.flag("empty_layer"))
