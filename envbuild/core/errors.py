"""The error tree: each error says what happened, what to do, and which exit code it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import TypeVar

from envbuild.core.dataclass import dataclass

_T = TypeVar("_T")
_R = TypeVar("_R")


class ExitCode(IntEnum):
    """What the process's exit code says."""

    OK = 0
    BUILD = 1
    USAGE = 2
    LOCK = 3
    SERVICE = 4
    INTERRUPTED = 8
    BUG = 37
    TIME_LIMIT = 124
    NOT_STARTED = 125


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a text file; line and column count from 1, and 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


class EnvbuildError(Exception):
    """An error to show to a user: lower case, no full stop, values in backticks."""

    exit_code = ExitCode.BUILD

    def __init__(self, message: str, *, hint: str = "", location: Location | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.location = location

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        hint = f"\nhint: {self.hint}" if self.hint else ""
        return f"{where}{self.message}{hint}"


class UsageError(EnvbuildError):
    """The command line or a setting is wrong."""

    exit_code = ExitCode.USAGE


class SpecError(EnvbuildError):
    """A workspace, build or requirement file is wrong."""

    exit_code = ExitCode.USAGE


class LockError(EnvbuildError):
    """A lock is missing, stale or unreadable."""

    exit_code = ExitCode.LOCK


class ResolveError(EnvbuildError):
    """The requirements have no solution; `causes` are the resolver's own words."""

    exit_code = ExitCode.USAGE

    def __init__(
        self, message: str, *, hint: str = "", causes: Sequence[str] = (), location: Location | None = None
    ) -> None:
        text = "\n".join([message, *(f"  {line}" for line in causes)])
        super().__init__(text, hint=hint, location=location)
        self.causes = tuple(causes)


class BuildError(EnvbuildError):
    """An action failed."""


class ArchiveError(BuildError):
    """An archive's bytes are not what they claim to be."""


class ServiceError(EnvbuildError):
    """A store, source, registry or the network failed."""

    exit_code = ExitCode.SERVICE


class StoreError(ServiceError):
    """The local or remote store failed."""


class BlobMissing(StoreError):
    """A blob is not in the store."""


class SourceError(ServiceError):
    """A package source could not be asked, or answered something else."""


class RegistryError(ServiceError):
    """A container registry could not be asked, or answered something else."""


class ErrorGroup(EnvbuildError):
    """Several errors found together, in the order of their locations."""

    def __init__(self, errors: Sequence[EnvbuildError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors))
        self.exit_code = max((error.exit_code for error in errors), default=ExitCode.BUILD)


def raise_all(failures: Sequence[EnvbuildError]) -> None:
    """Raise what failed, if anything did: one error as itself, several together."""
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise ErrorGroup(failures)


def for_each(function: Callable[[_T], _R], items: Iterable[_T]) -> tuple[_R, ...]:
    """What `function` returns for each item; where it fails, for all items first, each error once."""
    results: list[_R] = []
    failures: dict[str, EnvbuildError] = {}
    for item in items:
        try:
            results.append(function(item))
        except EnvbuildError as error:
            failures.setdefault(str(error), error)
    raise_all(tuple(failures.values()))
    return tuple(results)
