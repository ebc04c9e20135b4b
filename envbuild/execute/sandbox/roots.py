"""Layers unpacked for overlays, each once: `roots/<boot>/<identity>/<sha256>/root`.

The race: whoever has the lock of an identity unpacks into `.new`, and renames each folder that is whole.
What lies in `.new` when somebody gets the lock was left by one that was killed. Owners on the disk
depend on who unpacked, so each identity has folders of its own. Who uses them holds the store's lease,
so no clean-up removes one in use.

After a power cut, files may lack what was written last. Flushing them would wait for all that the machine
writes, so what was unpacked counts until the machine is started again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.child import never, start_child
from envbuild.execute.sandbox.identity import Identity
from envbuild.execute.sandbox.inside.channel import Message
from envbuild.store.faults import store_fault
from envbuild.store.file_lock import passing_lock

FOLDER: Final = "roots"
DRAFT: Final = ".new"
_ROOT: Final = "root"
SIZE: Final = "size"
_POLL: Final = 0.05  # seconds between looks at another process's lock


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer: a file, and the sha256 of its bytes in hex."""

    sha256: str
    path: Path


class Roots:
    """The unpacked layers of one identity.

    `all_root` lets an identity that maps only root take layers of others: all files are root's then, so
    nothing that is captured may stand on them.
    """

    def __init__(
        self, cache: Path, identity: Identity, check: Callable[[], None] = never, *, all_root: bool = False
    ) -> None:
        self._identity = identity
        self._cache = cache
        self._check = check
        self._all_root = all_root and identity.single
        name = identity.name + ("-all-root" if self._all_root else "")
        self._folder = cache / FOLDER / read_boot() / name

    def missing(self, layers: Sequence[Blob]) -> list[Blob]:
        """Those that `unpack` would unpack now, each once."""
        named = {layer.sha256: layer for layer in layers}
        return [layer for layer in named.values() if not (self._folder / layer.sha256).is_dir()]

    def unpack(self, layers: Sequence[Blob]) -> list[str]:
        """The folders of layers, in the same order; what is missing is unpacked. Raises EnvbuildError."""
        try:
            if self.missing(layers):
                with passing_lock(self._folder.with_suffix(".lock"), self._wait):
                    self._make(self.missing(layers))
        except OSError as error:
            raise store_fault(error, self._cache) from error
        for layer in layers:
            with suppress(OSError):  # a disk that can only be read has no clean-up either
                os.utime(self._folder / layer.sha256)
        return [str(self._folder / layer.sha256 / _ROOT) for layer in layers]

    def _make(self, layers: Sequence[Blob]) -> None:
        """Unpack all, then give each its name."""
        draft = self._folder / DRAFT
        draft.mkdir(parents=True, exist_ok=True)
        remove_below([draft], self._identity)
        for layer in layers:
            (draft / layer.sha256 / _ROOT).mkdir(parents=True)
            (draft / layer.sha256 / _ROOT).chmod(0o755)
        try:
            self._unpack_into(draft, layers)
        except BaseException:
            remove_below([draft], self._identity)
            raise
        for layer in layers:
            (draft / layer.sha256).rename(self._folder / layer.sha256)

    def _unpack_into(self, draft: Path, layers: Sequence[Blob]) -> None:
        waiting = iter(layers)

        def note_size(message: Message, _: int | None) -> None:
            (draft / next(waiting).sha256 / SIZE).write_text(str(message["size"]))

        spec = {
            "command": "unpack",
            "layers": [(str(layer.path), str(draft / layer.sha256 / _ROOT)) for layer in layers],
            "all_root": self._all_root,
        }
        said: list[bytes] = []
        try:
            with start_child(spec, self._identity, unpacking=True) as child:
                child.follow(note_size, self._check, said.append)
        except BuildError as error:
            if said:  # a bug of ours: it says nothing else
                raise BuildError(f"{error.message}\n{b''.join(said).decode()}", hint=error.hint) from error
            raise

    def _wait(self) -> None:
        time.sleep(_POLL)
        self._check()


def read_boot() -> str:
    """What tells this run of the machine from others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def remove_below(folders: Sequence[Path], identity: Identity) -> None:
    """Remove all that lies in folders, as whoever it belongs to. Raises EnvbuildError."""
    filled = [str(folder) for folder in folders if folder.is_dir() and next(folder.iterdir(), None)]
    if filled:
        with start_child({"command": "remove", "folders": filled}, identity) as child:
            child.follow(lambda *_: None, never, lambda _: None)
