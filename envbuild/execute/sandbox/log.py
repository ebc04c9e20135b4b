"""What a step says: told line by line, and kept in a file, without the values of secrets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

TAIL: Final = 20  # lines that an error shows
_LONGEST: Final = 1 << 16  # bytes of a line; what is longer is told in pieces
_HIDDEN: Final = b"***"
_SHORTEST: Final = 4  # bytes of a secret's line that are hidden; shorter ones would hide half of any text


class StepLog:
    """Takes the bytes of a step's output; `tell` gets each line as soon as it ends."""

    def __init__(self, path: Path, secrets: Iterable[bytes], tell: Callable[[str], None]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._file = path.open("wb")
        self._tell = tell
        self._hidden = _hidden_parts(secrets)
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Add output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line)
        if len(self._rest) > _LONGEST:
            self._cut()

    def _cut(self) -> None:
        """Tell a piece of a line without end, up to where no secret can have begun."""
        text = self._hide(self._rest)
        kept = max(map(len, self._hidden), default=1) - 1
        at = len(text) - kept
        self._write(text[:at])
        self._rest = text[at:]

    def _write(self, line: bytes) -> None:
        line = self._hide(line)
        self._file.write(line + b"\n")
        self._file.flush()
        # What a progress bar wrote over is of no use a line further.
        text = line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")
        self.tail.append(text)
        self._tell(text)

    def _hide(self, text: bytes) -> bytes:
        for part in self._hidden:
            text = text.replace(part, _HIDDEN)
        return text

    def close(self) -> None:
        """Tell a last line without an end, and close the file."""
        if self._rest:
            self._write(self._rest)
            self._rest = b""
        self._file.close()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _hidden_parts(secrets: Iterable[bytes]) -> list[bytes]:
    """The lines of secrets, since output is taken by the line; the longest first, as one may hold another."""
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    return sorted((line for line in lines if len(line) >= _SHORTEST), key=lambda line: (-len(line), line))
