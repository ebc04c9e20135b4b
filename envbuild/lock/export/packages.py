"""What an exported lock is made of: the packages of an environment, its base's among them."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.dataclass import dataclass
from envbuild.core.platform import Facts
from envbuild.lock.model import Locked

# By sha256: the URL where a package is now, or a path relative to the file that is written.
Places = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment's wheels and conda packages on one platform, each sorted by name.

    `facts` has a Python where there are wheels. `channels` are the URLs of those asked, by priority.
    """

    facts: Facts
    wheels: tuple[Locked, ...]
    conda: tuple[Locked, ...] = ()
    channels: tuple[str, ...] = ()
