"""From a solver's choice to a lock: sizes, dependency edges, and only what is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from envbuild.core.dataclass import dataclass, replace
from envbuild.core.errors import ResolveError, SourceError
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.markers import asks_for_patch, marker_environment, reduce_edges
from envbuild.lock.model import Locked, Pin, PlatformLock, PythonQuestion
from envbuild.lock.reach import Reached, reach
from envbuild.lock.resolve.candidates import Candidate, WheelFile, choose_wheel, required_hashes
from envbuild.lock.tags import needed_libc
from envbuild.sources.blame import blame
from envbuild.sources.index import PackageIndexes
from envbuild.sources.kept_values import KeptValues
from envbuild.sources.sdist_metadata import fetch_sdist_metadata, read_sdist_metadata
from envbuild.sources.url import redact
from envbuild.sources.wheel_metadata import MAX_WHEEL, WheelMetadata, peek_wheel, read_wheel_metadata
from envbuild.spec.wheels import LocalWheel

_REQUESTS = 8


@dataclass(frozen=True, slots=True)
class Descriptions:
    """Tells size and METADATA of wheels, wherever they lie, and what sdists state in its place."""

    indexes: PackageIndexes
    cache: KeptValues[WheelMetadata]
    max_wheel: int = MAX_WHEEL  # bytes to read of a wheel at most

    def remote(self, candidate: Candidate, file: WheelFile) -> WheelMetadata:
        """Of a candidate's wheel; raises SourceError."""
        return self.cache.get(file.sha256, lambda: self._peek(file.url, candidate))

    def sdist(self, candidate: Candidate, file: WheelFile) -> WheelMetadata:
        """Of a candidate's sdist; raises SourceError, and ResolveError for what only its code could tell."""
        _check_hash(file)
        return self.cache.get(file.sha256, lambda: self._read_sdist(file.url, file.sha256, candidate))

    def locked(self, artifact: Locked) -> WheelMetadata:
        """Of a wheel or an sdist that a lock holds; raises SourceError where it is a local file."""

        def ask() -> WheelMetadata:
            url = artifact.file
            if artifact.source:
                url = self.indexes.find(artifact.source, artifact.name, artifact.file, artifact.sha256)
            if artifact.kind == "sdist":
                return self._read_sdist(url, artifact.sha256, artifact)
            return self._peek(url, artifact)

        return self.cache.get(artifact.sha256, ask)

    def _peek(self, url: str, wheel: Locked | Candidate) -> WheelMetadata:
        """What the server tells, if it is of the wheel asked for: what is wrong must not be kept."""
        headers = self.indexes.authorization(url, wheel.source) if wheel.source else {}
        with blame(wheel.source, wheel.name):
            found = peek_wheel(self.indexes.http, url, headers, self.max_wheel)
            _check_same(found, wheel, redact(url))
        return found

    def _read_sdist(self, url: str, sha256: str, sdist: Locked | Candidate) -> WheelMetadata:
        headers = self.indexes.authorization(url, sdist.source) if sdist.source else {}
        with blame(sdist.source, sdist.name):
            found = fetch_sdist_metadata(self.indexes.http, url, headers, sha256)
            _check_same(found, sdist, redact(url))
        return found


@dataclass(frozen=True, slots=True)
class _Found:
    """A package to lock: everything but its edges, which depend on the extras asked."""

    locked: Locked
    metadata: WheelMetadata

    @property
    def requires(self) -> tuple[str, ...]:
        return self.metadata.values("Requires-Dist")


def answer_question(
    question: PythonQuestion,
    candidates: Iterable[Candidate],
    wheels: Mapping[str, LocalWheel],
    describe: Descriptions,
) -> PlatformLock:
    """Lock a solver's choice: candidates from indexes and URLs, and the workspace's own wheels.

    What no requirement reaches is left out, and so is what the parent has. Raises ResolveError
    and SourceError.
    """
    found = {name: _describe_local(wheel) for name, wheel in wheels.items()}
    others = [each for each in candidates if each.name not in wheels and each.name not in question.pins]
    hashes = required_hashes(question)

    def look(candidate: Candidate) -> _Found:
        file = choose_wheel(candidate, question, hashes.get(candidate.name, frozenset()))
        return _describe_remote(candidate, file, describe)

    with ThreadPoolExecutor(_REQUESTS) as threads:
        for each in threads.map(look, others):
            found[each.locked.name] = each
    return _lock_reached(question, found, wheels, describe)


def check_local_wheels(wheels: Mapping[str, LocalWheel]) -> None:
    """Read the workspace's wheels before a solver does; raises ResolveError for one that is none."""
    from packaging.version import InvalidVersion, Version

    for wheel in wheels.values():
        try:
            stated = read_local(wheel).values("Version")
        except SourceError as error:
            raise ResolveError(error.message, hint="build it again") from None
        try:
            same = [Version(text) for text in stated] == [Version(wheel.version)]
        except InvalidVersion:
            same = False
        if not same:
            message = f"`{wheel.file}` holds the version {' and '.join(stated) or 'of nothing'}"
            raise ResolveError(message, hint="name the file as the tool that builds it does")


def _describe_local(wheel: LocalWheel) -> _Found:
    kind = "sdist" if wheel.is_sdist else "wheel"
    locked = Locked(kind, wheel.name, wheel.version, "", wheel.file, wheel.sha256, wheel.size)
    return _Found(locked, read_local(wheel))


def read_local(wheel: LocalWheel) -> WheelMetadata:
    """What a file of the workspace states; raises SourceError."""
    path = Path(wheel.path)
    if not wheel.is_sdist:
        return read_wheel_metadata(path)
    with path.open("rb") as file:
        return WheelMetadata(wheel.size, read_sdist_metadata(file, path.name))


def _describe_remote(candidate: Candidate, file: WheelFile, describe: Descriptions) -> _Found:
    _check_hash(file)
    metadata = describe.sdist(candidate, file) if candidate.sdist else describe.remote(candidate, file)
    kind, place = "sdist" if candidate.sdist else "wheel", file.name if candidate.source else file.url
    locked = Locked(
        kind, candidate.name, candidate.version, candidate.source, place, file.sha256, metadata.size
    )
    return _Found(locked, metadata)


def _check_hash(file: WheelFile) -> None:
    if not file.sha256:
        raise ResolveError(
            f"nobody tells the sha256 of `{file.name}`",
            hint="append `#sha256=<64 hex digits>` to its URL, or use an index that tells it",
        )


def _lock_reached(
    question: PythonQuestion,
    found: Mapping[str, _Found],
    wheels: Mapping[str, LocalWheel],
    describe: Descriptions,
) -> PlatformLock:
    environment = marker_environment(question.facts)

    def edges(name: str, extras: frozenset[str]) -> Sequence[str]:
        if name in found:
            return reduce_edges(found[name].requires, extras, environment)
        return (
            pin_edges(question.pins[name], extras, environment, describe.locked)
            if name in question.pins
            else ()
        )

    reached = reach([*question.requirements, *wheels], edges, environment)
    names = sorted(reached.wants)
    _check_complete(reached, {*found, *question.pins})
    artifacts = tuple(
        _with_edges(found[name].locked, edges(name, reached.extras[name]), reached.extras[name])
        for name in names
        if name in found
    )
    pins = {
        name: Pin(question.pins[name].version, tuple(edges(name, reached.extras[name])))
        for name in names
        if name in question.pins
    }
    return PlatformLock(artifacts, _facts(question, [found[each.name] for each in artifacts]), pins)


def pin_edges(
    pin: Locked,
    extras: frozenset[str],
    environment: Mapping[str, str],
    describe: Callable[[Locked], WheelMetadata],
) -> tuple[str, ...]:
    """What a parent's package needs for extras that the parent did not ask; it has all else."""
    new = extras - set(pin.extras)
    if not new:
        return ()
    if pin.kind == CONDA:
        listed = ",".join(sorted(new))
        raise ResolveError(
            f"`{pin.name}` is conda's, which knows no extras, and pip is asked for `{pin.name}[{listed}]`",
            hint=f"require of conda what the extra brings, and `{pin.name}` of pip",
        )
    if pin.is_local:
        listed = ",".join(sorted(new))
        raise ResolveError(
            f"the base holds the local wheel of `{pin.name}` without its extra `{listed}`",
            hint=f"ask for `{pin.name}[{listed}]` in the base",
        )
    requires = describe(pin).values("Requires-Dist")
    plain = set(reduce_edges(requires, (), environment))
    return tuple(edge for edge in reduce_edges(requires, new, environment) if edge not in plain)


def _check_same(found: WheelMetadata, wheel: Locked | Candidate, shown: str) -> None:
    """Raise SourceError for another package's METADATA: nothing else of a wheel is looked at yet."""
    from packaging.utils import canonicalize_name, canonicalize_version

    stated = [*found.values("Name"), *found.values("Version")]
    same = len(stated) == 2 and canonicalize_name(stated[0]) == wheel.name
    if not same or canonicalize_version(stated[1]) != canonicalize_version(wheel.version):
        raise SourceError(
            f"`{shown}` is of `{' '.join(stated)[:80]}`, not of `{wheel.name} {wheel.version}`",
            hint="the server mixes up its files: try again, or ask whoever runs it",
        )


def _with_edges(locked: Locked, edges: Sequence[str], extras: frozenset[str]) -> Locked:
    return replace(locked, requires=tuple(edges), extras=tuple(sorted(extras)))


def _check_complete(reached: Reached, known: set[str]) -> None:
    for name, wants in sorted(reached.wants.items()):
        if name not in known:
            by = min(want.by for want in wants) or "the target"
            raise ResolveError(f"the resolver left out `{name}`, which `{by}` requires")


def _facts(question: PythonQuestion, packages: Sequence[_Found]) -> dict[str, str]:
    """The least that these packages need of the target."""
    python = question.facts.python
    assert python is not None
    exact = any(
        asks_for_patch(each.requires, each.metadata.values("Requires-Python"), python.minor)
        for each in packages
    )
    facts = {"python": python.version if exact else python.minor}
    libc = needed_libc([each.locked.file for each in packages], question.facts)
    return facts | ({"libc": str(libc)} if libc else {})
