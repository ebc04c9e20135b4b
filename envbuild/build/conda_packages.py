"""What a channel's index leaves out of its packages: looked up in the packages themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from envbuild.archive.conda_activation import is_activation
from envbuild.archive.conda_package import CondaPackage
from envbuild.archive.conda_paths import read_paths
from envbuild.archive.tar_reader import read_whole
from envbuild.build.fetch import Fetcher, split_place
from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError, SourceError
from envbuild.core.pattern import compile_later
from envbuild.core.protocols import BlobStore
from envbuild.lock.model import Locked
from envbuild.sources.kept_values import KeptValues
from envbuild.spec.conda.model import ExactPackage

# The only paths that locking looks at: others are not worth keeping.
_TELLING: Final = compile_later(
    r"(?:^|/)site-packages/[^/]+\.(?:dist-info|egg-info)(?:/|\Z)|^bin/\.[^/]+-link\.sh\Z"
)
_MAX_SCRIPT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class CondaPackages:
    """Packages of channels; what is downloaded for a look serves the build, too."""

    fetcher: Fetcher
    store: BlobStore
    cache: KeptValues[tuple[str, ...]]

    def measure(self, channel: str, file: str, md5: str) -> tuple[str, int]:
        """The sha256 and the size of a package that has this md5 ("" = none is told); raises SourceError."""
        digest = self.fetcher.keep_package(channel, file, md5)
        return digest.hash, digest.size

    def paths(self, package: Locked) -> tuple[str, ...]:
        """Of the files in a package, those that tell what is in it; raises SourceError."""
        return self.cache.get(package.sha256, lambda: self._look(package))

    def scripts(self, package: Locked, paths: Collection[str]) -> Mapping[str, str]:
        """The contents of small files in a package; raises SourceError."""
        found = {}
        with self._blob(package).open("rb") as file:
            for path, entry, contents in CondaPackage(file).contents():
                if path in paths and entry.isreg() and entry.size <= _MAX_SCRIPT:
                    found[path] = read_whole(contents, entry.size).decode("utf-8", "replace")
        return found

    def index(self, exact: ExactPackage) -> tuple[Mapping[str, bytes], Digest]:
        """What a package says of itself (the documents of `info/`), and its digest; raises SourceError."""
        digest = self.fetcher.keep_package(exact.channel, exact.file, exact.md5, exact.sha256)
        with self.store.path(digest).open("rb") as file:
            return CondaPackage(file).read_info(), digest

    def _look(self, package: Locked) -> tuple[str, ...]:
        try:
            with ExitStack() as stack:
                info = CondaPackage(self._open(package, stack)).read_info()
            paths = read_paths(info)
        except (ArchiveError, OSError) as error:
            reason = error.message if isinstance(error, ArchiveError) else str(error)
            raise SourceError(
                f"the conda package `{package.file}` cannot be read: {reason}",
                hint="the channel's file is damaged, or cut: try again, or use another build",
            ) from None
        return tuple(sorted(path for path in paths if _TELLING.search(path) or is_activation(path)))

    def _open(self, package: Locked, stack: ExitStack) -> BinaryIO:
        """The package where it lies: only its end and its beginning are read, if its server lets us."""
        digest = Digest(package.sha256, package.size)
        if not self.store.has(digest) and package.file.endswith(".conda"):
            channel, file = split_place(package)
            if found := self.fetcher.sources.channels.open(channel, file):
                return cast("BinaryIO", stack.enter_context(found))
        return stack.enter_context(self._blob(package).open("rb"))

    def _blob(self, package: Locked) -> Path:
        digest = Digest(package.sha256, package.size)
        if not self.store.has(digest):
            self.fetcher.fetch(package)
        return self.store.path(digest)


def path_cache(folder: Path) -> KeptValues[tuple[str, ...]]:
    """The telling paths of packages, kept in a folder."""
    return KeptValues(folder, list, _decode)


def _decode(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise TypeError("no paths")
    return tuple(values)
