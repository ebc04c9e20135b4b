"""Resolves conda packages with rattler, for any target: nothing is asked of the machine it runs on.

Channels are shown to rattler by the names that specs call them; where they lie is not its matter.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ResolveError, SourceError
from envbuild.core.platform import Platform
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.model import CondaQuestion, CondaRecord, Locked, PlatformLock
from envbuild.lock.resolve.conda_failure import explain_failure
from envbuild.lock.resolve.conda_names import guess, is_python, read_paths, read_purls
from envbuild.sources.channel_index import ChannelIndexes

if TYPE_CHECKING:
    from rattler import MatchSpec, RepoDataRecord, SparseRepoData

_REQUESTS = 8
# OCI architecture -> conda's subdir.
_SUBDIRS = {"amd64": "linux-64", "arm64": "linux-aarch64"}
NOARCH = "noarch"


class Packages(Protocol):
    """Tells of a channel's packages what its index leaves out."""

    def measure(self, channel: str, file: str, md5: str) -> tuple[str, int]:
        """The sha256 and the size of a package that has this md5; raises SourceError."""

    def paths(self, package: Locked) -> Sequence[str]:
        """The files in a package; raises SourceError."""


@dataclass(frozen=True, slots=True)
class CondaResolver:
    """Answers conda questions."""

    indexes: ChannelIndexes
    packages: Packages

    def resolve(self, question: CondaQuestion) -> PlatformLock:
        """The packages, sorted by name; raises ResolveError or SourceError."""
        specs = [_parse(text, question.channels) for text in question.specs]
        with ThreadPoolExecutor(_REQUESTS) as threads:
            data = self._read(question, threads)
            try:
                records = _solve(question, specs, data)
            finally:
                for each in data:
                    each.close()
            found = list(threads.map(lambda record: self._lock(record, question), records))
        facts = {"virtual": " ".join(question.virtual)}
        return PlatformLock(tuple(sorted(found, key=lambda each: each.name)), facts)

    def _read(self, question: CondaQuestion, threads: ThreadPoolExecutor) -> list[SparseRepoData]:
        """The indexes of all channels, in order of priority."""
        fresh = question.upgrade is None
        wanted = [(name, each) for name in question.channels for each in (subdir(question.platform), NOARCH)]
        read = threads.map(lambda each: self.indexes.read(*each, fresh=fresh), wanted)
        paths: list[tuple[str, str, Path]] = []
        for (name, folder), path in zip(wanted, read, strict=True):
            if path:
                paths.append((name, folder, path))
        for name in question.channels:
            if all(name != each for each, _, _ in paths):
                raise SourceError(
                    f"the channel `{name}` has nothing for `{subdir(question.platform)}`, nor `noarch`",
                    hint="check its URL: it is the folder that has these two",
                )
        return [_open(*each) for each in paths]

    def _lock(self, record: RepoDataRecord, question: CondaQuestion) -> Locked:
        told = json.loads(record.to_json())
        channel = _channel_of(record, question.channels)
        file = f"{told['subdir']}/{record.file_name}"
        sha256, size = told.get("sha256", ""), told.get("size", 0)
        known = question.preferences.get(told["name"])
        if not (sha256 and size):
            sha256, size = self._complete(channel, file, told, known)
        package = _describe(told, channel, file, sha256, size)
        if not is_python(package):
            return package
        return _with_provided(package, self._provided(package, told.get("purls")))

    def _provided(self, package: Locked, purls: Sequence[str] | None) -> tuple[str, ...]:
        """The distributions in a package, as the channel says, else the package, else its name."""
        if purls is not None:
            return read_purls(purls, package.version)
        return read_paths(self.packages.paths(package)) or guess(package)

    def _complete(
        self, channel: str, file: str, told: Mapping[str, Any], known: Locked | None
    ) -> tuple[str, int]:
        """The sha256 and size of a package whose channel does not tell both."""
        md5 = told.get("md5", "")
        if known and known.conda and md5 and (known.conda.md5, known.file) == (md5, place(channel, file)[1]):
            return known.sha256, known.size
        return self.packages.measure(channel, file, md5)


def subdir(platform: Platform) -> str:
    """What conda calls a platform."""
    return _SUBDIRS[platform.architecture]


def place(channel: str, file: str) -> tuple[str, str]:
    """Source and file of a package, as a lock has them, by the channel's alias or URL."""
    return ("", f"{channel.rstrip('/')}/{file}") if "://" in channel else (channel, file)


def _parse(text: str, channels: Sequence[str]) -> MatchSpec:
    from rattler import Channel, MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    try:
        spec = MatchSpec(text)
    except InvalidMatchSpecError as error:
        raise ResolveError(
            f"`{text}` is no conda requirement: {error}", hint="write one such as `numpy >=1.26,<2`"
        ) from None
    wanted = spec.channel
    if wanted and all(Channel(each).base_url != wanted.base_url for each in channels):
        listed = ", ".join(f"`{each}`" for each in channels)
        raise ResolveError(
            f"`{text}` is to come from a channel that is not among the `channels`",
            hint=f"they are {listed}: add it to them",
        )
    return spec


def _open(name: str, folder: str, path: Path) -> SparseRepoData:
    from rattler import Channel, SparseRepoData

    try:
        return SparseRepoData(Channel(name), folder, path)
    except Exception as error:  # noqa: BLE001 - rattler's errors have no common type
        raise _unreadable(name, folder, error) from None


def _unreadable(name: str, folder: str, error: Exception) -> SourceError:
    return SourceError(
        f"the index of the channel `{name}` for `{folder}` cannot be read: {error}",
        hint="the server or the folder is damaged, or being updated: try again",
    )


def _solve(
    question: CondaQuestion, specs: Sequence[MatchSpec], data: Sequence[SparseRepoData]
) -> list[RepoDataRecord]:
    from rattler import ChannelPriority, solve_with_sparse_repodata
    from rattler.exceptions import SolverError

    priority = ChannelPriority[question.priority.capitalize()]
    try:
        return asyncio.run(
            solve_with_sparse_repodata(
                specs,
                data,
                locked_packages=list(_kept(question, data)),
                virtual_packages=[_virtual(text) for text in question.virtual],
                channel_priority=priority,
            )
        )
    except SolverError as error:
        raise explain_failure(str(error), question) from None


def _virtual(text: str) -> Any:
    from rattler import GenericVirtualPackage, PackageName, Version
    from rattler.package import BuildString

    name, version, build = text.split("=")
    return GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))


def _kept(question: CondaQuestion, data: Sequence[SparseRepoData]) -> Iterable[RepoDataRecord]:
    """What is locked already, and may not move unless it must, as far as the channels still have it."""
    if question.upgrade is None:
        return
    for name, locked in sorted(question.preferences.items()):
        if name in question.upgrade or locked.conda is None:
            continue
        for each in data:
            for record in each.load_records(name):
                channel = _channel_of(record, question.channels)
                file = f"{record.subdir}/{record.file_name}"
                if place(channel, file) == (locked.source, locked.file):
                    yield record


def _channel_of(record: RepoDataRecord, channels: Sequence[str]) -> str:
    from rattler import Channel

    (found,) = {each for each in channels if record.url.startswith(Channel(each).base_url)}
    return found


def _describe(told: Mapping[str, Any], channel: str, file: str, sha256: str, size: int) -> Locked:
    source, path = place(channel, file)
    record = CondaRecord(
        build=told["build"],
        build_number=told.get("build_number", 0),
        noarch=_noarch(told.get("noarch")),
        constrains=tuple(told.get("constrains") or ()),
        license=told.get("license") or "",
        md5=told.get("md5") or "",
        timestamp=told.get("timestamp") or 0,
        track_features=_features(told.get("track_features")),
        site_packages=told.get("python_site_packages_path") or "",
    )
    depends = tuple(told.get("depends") or ())
    return Locked(CONDA, told["name"], told["version"], source, path, sha256, size, depends, conda=record)


def _with_provided(package: Locked, provided: tuple[str, ...]) -> Locked:
    assert package.conda is not None
    return replace(package, conda=replace(package.conda, provides=provided))


def _noarch(value: object) -> str:
    """Of old records, `true` stands for a generic one."""
    return value if isinstance(value, str) else "generic" if value else ""


def _features(value: object) -> tuple[str, ...]:
    """Of old records, a text with blanks between."""
    return tuple(value.split()) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
