"""Who answers which question: resolvers on this workspace's sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from envbuild.build.fetch import Fetcher
from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.errors import ResolveError, SourceError
from envbuild.core.protocols import BlobStore
from envbuild.lock.model import (
    CondaQuestion,
    DebianQuestion,
    ImageQuestion,
    Locked,
    PlatformLock,
    Resolver,
    Single,
)
from envbuild.sources.channel_index import ChannelIndexes
from envbuild.sources.debian import DebianSource, Suite
from envbuild.sources.debian_index import DebianIndex


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers questions; a suite's index is read once, and what is downloaded serves the build, too."""

    python: Callable[[], Resolver]  # importing one is slow, and many targets need none
    mirrors: Mapping[str, DebianSource]
    fetcher: Fetcher
    store: BlobStore
    channels: ChannelIndexes
    _indexes: dict[tuple[str, Suite], DebianIndex] = field(default_factory=dict)

    def answer(self, question: Single) -> PlatformLock:
        """The locked answer; raises ResolveError or SourceError."""
        if isinstance(question, DebianQuestion):
            return self._answer_debian(question)
        if isinstance(question, ImageQuestion):
            from envbuild.lock.resolve.images import resolve_images

            return resolve_images(question, self.fetcher.sources.registries, self._fetch, self.fetcher.keep)
        if isinstance(question, CondaQuestion):
            from envbuild.build.conda_packages import CondaPackages, path_cache
            from envbuild.lock.resolve.conda_rattler import CondaResolver

            packages = CondaPackages(self.fetcher, self.store, path_cache(self.channels.folder / "paths"))
            return CondaResolver(self.channels, packages).resolve(question)
        return self.python().resolve(question)

    def _answer_debian(self, question: DebianQuestion) -> PlatformLock:
        from envbuild.lock.resolve.debian import resolve_debian

        suite = Suite(question.suite, question.components, question.platform.debian)
        key = (question.source, suite)
        if key not in self._indexes:
            with _explain_suites(question):
                self._indexes[key] = self._mirror(question.source).index(suite)
        return resolve_debian(question, self._indexes[key], self._fetch)

    def _mirror(self, alias: str) -> DebianSource:
        if alias not in self.mirrors:
            known = ", ".join(f"`{each}`" for each in sorted(self.mirrors))
            raise ResolveError(f"the workspace has no Debian source `{alias}`", hint=f"it has {known}")
        return self.mirrors[alias]

    def _fetch(self, artifact: Locked) -> Path:
        digest = Digest(artifact.sha256, artifact.size)
        if not self.store.has(digest):
            self.fetcher.fetch(artifact)
        return self.store.path(digest)


@contextmanager
def _explain_suites(question: DebianQuestion) -> Iterator[None]:
    """Say where the suites come from that a mirror lacks, if nobody here wrote them."""
    try:
        yield
    except SourceError as error:
        if not question.by_image:
            raise
        first = question.suite.split()[0]
        whence = f"its base takes packages from `{question.suite}`: to take fewer, state `apt_suite: {first}`"
        raise SourceError(error.message, hint=f"{error.hint}; {whence}") from error
