"""Resolves conda packages with rattler, for any target: nothing is asked of the machine it runs on.

Channels are shown to rattler by the names that specs call them; where they lie is not its matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ResolveError, SourceError
from envbuild.core.text import escape, excerpt
from envbuild.lock.check_conda import spec_name
from envbuild.lock.model import CondaQuestion, Locked, PlatformLock
from envbuild.lock.resolve.conda_closure import Depends, write_closures
from envbuild.lock.resolve.conda_failure import explain_failure
from envbuild.lock.resolve.conda_records import Packages, as_record, find_place, lock_exact, lock_record
from envbuild.sources.channel_index import ChannelIndexes, Index
from envbuild.sources.channel_shards import Shards
from envbuild.spec.conda.model import ExactPackage
from envbuild.spec.problems import suggest_near

if TYPE_CHECKING:
    from rattler import MatchSpec, RepoDataRecord, SparseRepoData

_REQUESTS = 8
_NOARCH = "noarch"


@dataclass(frozen=True, slots=True)
class CondaResolver:
    """Answers conda questions."""

    indexes: ChannelIndexes
    packages: Packages

    def resolve(self, question: CondaQuestion) -> PlatformLock:
        """The packages, sorted by name; raises ResolveError or SourceError."""
        specs = [_parse(text, question.channels) for text in question.specs]
        with ThreadPoolExecutor(_REQUESTS) as threads:
            exact = list(threads.map(lambda each: self._lock_exact(each, question), question.exact))
            found = list(exact)
            if specs:
                records = self._choose(question, specs, exact, threads)
                found += threads.map(lambda record: lock_record(record, question, self.packages), records)
        facts = {"virtual": " ".join(question.virtual)}
        return PlatformLock(tuple(sorted(found, key=lambda each: each.name)), facts)

    def _lock_exact(self, exact: ExactPackage, question: CondaQuestion) -> Locked:
        return lock_exact(exact, question, self.indexes.channels, self.packages)

    def _choose(
        self,
        question: CondaQuestion,
        specs: Sequence[MatchSpec],
        exact: Sequence[Locked],
        threads: ThreadPoolExecutor,
    ) -> list[RepoDataRecord]:
        """What rattler chooses beside the packages that are taken as they are."""
        found = self._read(question, threads)
        names = {spec_name(text) for text in question.specs}
        names |= {spec_name(text) for package in exact for text in (package.name, *package.requires)}
        data = _open_all(found, names, threads)
        try:
            records = _solve(question, specs, data, exact, lambda: _all_names(found, data))
        finally:
            for each in data:
                each.close()
        given = {each.name for each in exact}
        return [record for record in records if record.name.normalized not in given]

    def _read(self, question: CondaQuestion, threads: ThreadPoolExecutor) -> list[tuple[str, str, Index]]:
        """The indexes of all channels, with channel and folder, in order of priority."""
        fresh = question.upgrade is None
        wanted = [(name, each) for name in question.channels for each in (question.platform.conda, _NOARCH)]
        read = threads.map(lambda each: self.indexes.read(*each, fresh=fresh), wanted)
        found: list[tuple[str, str, Index]] = []
        for (name, folder), index in zip(wanted, read, strict=True):
            if index:
                found.append((name, folder, index))
        for name in question.channels:
            if all(name != each for each, _, _ in found):
                raise SourceError(
                    f"the channel `{name}` has nothing for `{question.platform.conda}`, nor `noarch`",
                    hint="check its URL: it is the folder that has these two",
                )
        return found


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
            hint=suggest_near(str(wanted.name or ""), channels) or f"they are {listed}: add it to them",
        )
    return spec


def _open_all(
    found: Sequence[tuple[str, str, Index]], names: Iterable[str], threads: ThreadPoolExecutor
) -> list[SparseRepoData]:
    """All indexes in their order; of those in shards, what `names` can lead to."""
    opened: dict[int, SparseRepoData] = {}
    shards: dict[int, Shards] = {}
    for number, (channel, folder, index) in enumerate(found):
        if isinstance(index, Shards):
            shards[number] = index
        else:
            opened[number] = _open(channel, folder, index)
    if shards:
        others = [_dependencies_in(each) for each in opened.values()]
        with TemporaryDirectory(prefix="envbuild-conda-") as work:
            paths = write_closures(names, list(shards.values()), others, Path(work), threads)
            for number, path in zip(shards, paths, strict=True):
                channel, folder, _ = found[number]
                opened[number] = _open(channel, folder, path)
    return [opened[number] for number in sorted(opened)]


def _all_names(found: Sequence[tuple[str, str, Index]], data: Sequence[SparseRepoData]) -> Iterator[str]:
    """The names of all packages; what is opened of shards is a part of them."""
    for (_, _, index), opened in zip(found, data, strict=True):
        yield from index.hashes if isinstance(index, Shards) else opened.package_names()


def _dependencies_in(data: SparseRepoData) -> Depends:
    return lambda name: (text for record in data.load_records(name) for text in record.depends)


def _open(name: str, folder: str, path: Path) -> SparseRepoData:
    from rattler import Channel, SparseRepoData

    try:
        return SparseRepoData(Channel(name), folder, path)
    except Exception as error:  # noqa: BLE001 - rattler's errors have no common type
        raise _unreadable([name], folder, error) from None


def _unreadable(channels: Sequence[str], folder: str, error: Exception) -> SourceError:
    listed = " or ".join(f"`{channel}`" for channel in channels)
    return SourceError(
        f"the index of {listed} for `{folder}` cannot be read: {excerpt(escape(str(error)))}",
        hint="the channel is damaged, or being updated: try again, or tell whoever runs it",
    )


def _solve(
    question: CondaQuestion,
    specs: Sequence[MatchSpec],
    data: Sequence[SparseRepoData],
    exact: Sequence[Locked],
    known: Callable[[], Iterable[str]],
) -> list[RepoDataRecord]:
    from rattler import ChannelPriority, solve_with_sparse_repodata
    from rattler.exceptions import SolverError

    priority = ChannelPriority[question.priority.capitalize()]
    try:
        return asyncio.run(
            solve_with_sparse_repodata(
                [*specs, *(_exactly(each) for each in exact)],
                data,
                locked_packages=list(_kept(question, data)),
                pinned_packages=[as_record(each) for each in exact],
                virtual_packages=[_virtual(text) for text in question.virtual],
                channel_priority=priority,
            )
        )
    except SolverError as error:
        raise explain_failure(str(error), question, known) from None
    except OSError as error:  # records are read when they are needed
        raise _unreadable(question.channels, question.platform.conda, error) from None


def _exactly(package: Locked) -> MatchSpec:
    from rattler import MatchSpec

    assert package.conda is not None
    return MatchSpec(f"{package.name}=={package.version}={package.conda.build}")


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
                if find_place(record, question.channels) == (locked.source, locked.file):
                    yield record
