"""What an exported lock is made of: the Python packages of an environment, its base's among them."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.dataclass import dataclass
from envbuild.core.platform import Facts
from envbuild.lock.model import Locked

# By sha256: the URL where a wheel is now, or a path relative to the file that is written.
Places = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Environment:
    """The wheels of an environment on one platform, sorted by name; `facts` has a Python."""

    facts: Facts
    wheels: tuple[Locked, ...]
