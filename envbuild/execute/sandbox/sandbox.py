"""Running a program in the root that layers make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any, Final

from envbuild.core.dataclass import asdict, dataclass, field
from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.child import Take, never, start_child
from envbuild.execute.sandbox.identity import Identity
from envbuild.execute.sandbox.inside.channel import CHANGE, EXITED, Message
from envbuild.execute.sandbox.roots import remove_below
from envbuild.store.faults import store_fault
from envbuild.store.temporary import abandoned_folders, temporary_folder

FOLDER: Final = "sandboxes"
HOSTS: Final = b"127.0.0.1\tlocalhost envbuild\n::1\tlocalhost ip6-localhost ip6-loopback\n"
HOST_NAME: Final = b"envbuild\n"


class Upper(str, Enum):
    """What becomes of changes to the root."""

    CAPTURED = "captured"
    DISCARDED = "discarded"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of the host. Paths in `target` are the image's."""

    source: Path
    target: str
    readonly: bool = True


@dataclass(frozen=True, slots=True)
class Stage:
    """A `path` of another root, made of unpacked layers; what is changed there is discarded."""

    layers: tuple[str, ...]
    path: str
    target: str
    readonly: bool = True


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """A folder of the host that stays for later steps; one that is new gets this mode and owner."""

    source: Path
    target: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """An empty folder in memory; `size` in bytes, 0 for the kernel's own limit."""

    target: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that is on no disk: a secret."""

    target: str
    data: bytes = field(repr=False)
    mode: int = 0o400
    uid: int = 0
    gid: int = 0


Mount = Bind | Stage | CacheFolder | Memory | HeldFile


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take, with all that it starts; 0 is no limit. `memory` is in bytes."""

    memory: int = 0
    processes: int = 0


NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Step:
    """A program in a root. `user` is as in Docker: "", a name, a number, and a group behind a colon.

    The environment is this and nothing else, but for PATH and HOME where they are not stated. In a sandbox
    the limits of memory hold for each process, those of processes for each user but the host's root; what
    holds for all is said by control groups, whose files that take processes are `groups`.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    workdir: str = "/"
    user: str = ""
    network: bool = False
    mounts: tuple[Mount, ...] = ()
    limits: Limits = NO_LIMITS
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what while a step runs: `output` its bytes, `change` each change of a captured root.

    `check` is called all the time, and may raise to end the step.
    """

    output: Callable[[bytes], object] = lambda _: None
    change: Take = lambda *_: None
    check: Callable[[], None] = never


UNWATCHED: Final = Watch()


class Sandbox:
    """Runs steps on this machine; folders for them lie below `cache`."""

    def __init__(self, cache: Path, identity: Identity) -> None:
        self._parent = cache / FOLDER
        self._identity = identity

    def run(
        self,
        step: Step,
        layers: Sequence[str],
        upper: Upper,
        watch: Watch = UNWATCHED,
        *,
        terminal: bool = False,
        kept: Path | None = None,
    ) -> int:
        """Run a step on unpacked layers, bottom first; returns its exit code, 128 + n for a signal n.

        On a `terminal` it has our own standard streams. What a step that failed has changed moves to `kept`.
        Raises BuildError where it cannot begin.
        """
        codes: list[int] = []

        def take(message: Message, descriptor: int | None) -> None:
            if message["kind"] == EXITED:
                codes.append(message["code"])
            elif message["kind"] == CHANGE:
                watch.change(message, descriptor)

        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
        with self.folder() as folder:
            spec = {
                **_describe(step),
                "folder": str(folder),
                "layers": list(layers),
                "upper": upper.value,
                "kept": str(kept or ""),
                "interactive": terminal,
            }
            with start_child(spec, self._identity, terminal=terminal) as child:
                child.follow(take, watch.check, watch.output)
        return codes[0]

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder for one run, removed whoever its files belong to; what killed runs left goes first."""
        try:
            self._parent.mkdir(parents=True, exist_ok=True)
            for left in abandoned_folders(self._parent):
                with suppress(BuildError):  # that of another kind of user
                    remove_below([left], self._identity)
            with temporary_folder(self._parent) as folder:
                yield folder
                if not self._identity.host:
                    remove_below([folder], self._identity)
        except OSError as error:
            raise store_fault(error, self._parent.parent) from error


def _describe(step: Step) -> dict[str, Any]:
    resolver = Path("/etc/resolv.conf") if step.network else None
    return {
        "command": "run",
        "argv": list(step.argv),
        "environment": dict(step.environment),
        "workdir": step.workdir,
        "user": step.user,
        "network": step.network,
        "mounts": [_describe_mount(mount) for mount in step.mounts],
        "files": {
            "/etc/hosts": HOSTS,
            "/etc/hostname": HOST_NAME,
            "/etc/resolv.conf": resolver.read_bytes() if resolver and resolver.exists() else b"",
        },
        "limits": _describe_limits(step.limits),
        "groups": list(step.groups),
    }


def _describe_limits(limits: Limits) -> dict[str, int]:
    stated = {"RLIMIT_DATA": limits.memory, "RLIMIT_NPROC": limits.processes}
    return {name: value for name, value in stated.items() if value}


_KINDS: Final = {Bind: "bind", Stage: "stage", CacheFolder: "cache", Memory: "tmpfs", HeldFile: "file"}


def _describe_mount(mount: Mount) -> dict[str, Any]:
    """A mount as the other side reads it; `path` is what an error calls its source."""
    stated = {name: _plain(value) for name, value in asdict(mount).items()}
    defaults = {"readonly": False, "path": stated.get("source", "")}
    return {"kind": _KINDS[type(mount)], **defaults, **stated}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
