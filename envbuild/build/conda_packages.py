"""What a channel's index leaves out of its packages: looked up in the packages themselves."""

from __future__ import annotations

from collections.abc import Sequence

from envbuild.build.fetch import Fetcher
from envbuild.core.dataclass import dataclass
from envbuild.core.protocols import BlobStore
from envbuild.lock.model import Locked


@dataclass(frozen=True, slots=True)
class CondaPackages:
    """Packages of channels; what is downloaded for a look serves the build, too."""

    fetcher: Fetcher
    store: BlobStore

    def measure(self, channel: str, file: str, md5: str) -> tuple[str, int]:
        """The sha256 and the size of a package that has this md5 ("" = none is told); raises SourceError."""
        digest = self.fetcher.keep_package(channel, file, md5)
        return digest.hash, digest.size

    def paths(self, package: Locked) -> Sequence[str]:
        """The files in a package; raises SourceError."""
        del package
        return ()
