"""Where locks lie: `<name>.lock.json` beside the target's BUILD.yaml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import LockError, StoreError
from envbuild.core.label import Label
from envbuild.lock.codec import MAX_BYTES, decode_lock, encode_lock
from envbuild.lock.model import Lock
from envbuild.store.temporary import replace_file

_USUAL_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class LockFiles:
    """The locks of a workspace; each file is read once, and written whole or not at all."""

    root: Path
    record: Callable[[Path], None]  # told of each file before it is read
    _read: dict[Label, Lock | None] = field(default_factory=dict)

    def path(self, label: Label) -> Path:
        """The lock file of a target."""
        return self.root / label.package / f"{label.name}.lock.json"

    def read(self, label: Label) -> Lock | None:
        """The lock, None where there is none; raises LockError where it is broken."""
        if label not in self._read:
            self._read[label] = self._load(label)
        return self._read[label]

    def known(self) -> tuple[tuple[Label, Lock], ...]:
        """The locks that were read so far, with their targets."""
        return tuple((label, lock) for label, lock in self._read.items() if lock)

    def write(self, label: Label, lock: Lock) -> None:
        """Replace the lock file in one step; raises StoreError."""
        try:
            replace_file(self.path(label), encode_lock(lock))
        except OSError as error:
            raise StoreError(
                f"cannot write `{self._shown(label)}`: {error.strerror}",
                hint="check its folder and disk",
            ) from error
        self._read[label] = lock

    def _load(self, label: Label) -> Lock | None:
        path = self.path(label)
        self.record(path)
        try:
            with path.open("rb") as file:
                data = file.read(_USUAL_BYTES)  # Python makes room for as many before it reads
                if len(data) == _USUAL_BYTES:
                    data += file.read(MAX_BYTES + 1 - _USUAL_BYTES)
            return decode_lock(data, file=self._shown(label), label=str(label))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LockError(
                f"cannot read `{self._shown(label)}`: {error.strerror}", hint="check its mode"
            ) from error

    def _shown(self, label: Label) -> str:
        return "/".join(filter(None, (label.package, f"{label.name}.lock.json")))
