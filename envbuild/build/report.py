"""What a build did, as values and as the JSON object of `--output json` (docs/commands.md)."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from envbuild.core.dataclass import asdict, dataclass, replace
from envbuild.core.errors import EnvbuildError

_OPTIONAL: Final = ("pushed", "error")


class Status(str, Enum):
    """How a target came to be there: made, put together from caches, there already, or not."""

    BUILT = "built"
    CACHED = "cached"
    EXISTS = "exists"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LayerReport:
    """A layer: digest of its compressed bytes, their number, diff ID, and whose paths it holds."""

    digest: str
    diff_id: str
    size: int
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlatformReport:
    """An image for one platform; `digest` is its manifest's."""

    platform: str
    digest: str
    layers: tuple[LayerReport, ...]


@dataclass(frozen=True, slots=True)
class ActionCounts:
    """Where the results of a target's actions came from."""

    executed: int = 0
    local: int = 0
    remote: int = 0


@dataclass(frozen=True, slots=True)
class PushReport:
    """What went to a registry: bytes and blobs uploaded, blobs mounted from the pool."""

    registry: str
    bytes: int
    blobs: int
    mounted: int


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Why a target failed; several errors are one message, each with its own hint in it."""

    exit_code: int
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class TargetReport:
    """One target; `digest` is that of the manifest, or of the index of several platforms; "" if it failed."""

    label: str
    image: str
    definition: str
    digest: str
    status: Status
    platforms: tuple[PlatformReport, ...] = ()
    actions: ActionCounts = ActionCounts()
    pushed: PushReport | None = None
    error: ErrorReport | None = None

    @property
    def size(self) -> int:
        """The compressed bytes of all distinct layers."""
        return sum({layer.digest: layer.size for each in self.platforms for layer in each.layers}.values())


@dataclass(frozen=True, slots=True)
class Report:
    """All targets of a command, in the order of their labels; `seconds` is wall time."""

    targets: tuple[TargetReport, ...]
    seconds: float
    failures: tuple[EnvbuildError, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object that `--output json` prints."""
        return {
            "targets": [_describe_target(target) for target in self.targets],
            "seconds": round(self.seconds, 3),
        }

    def when_repeated(self) -> Report:
        """What the same command reports when it finds everything there."""
        there = tuple(
            replace(
                target,
                status=Status.EXISTS,
                actions=ActionCounts(),
                pushed=target.pushed and PushReport(target.pushed.registry, 0, 0, 0),
            )
            for target in self.targets
        )
        return Report(there, 0.0)


def _describe_target(target: TargetReport) -> dict[str, Any]:
    document = asdict(target)
    return {key: value for key, value in document.items() if key not in _OPTIONAL or value is not None}
