"""Questions for resolvers, about targets that are not this machine unless said so."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from envbuild.core.errors import Location
from envbuild.core.platform import Facts, Interpreter, Libc, Platform
from envbuild.lock.model import Index, Locked, PlatformLock, PythonQuestion
from envbuild.spec.requirements import read_requirements


def make_facts(libc: str = "glibc 2.36", python: str = "3.11.2", target: str = "linux/amd64") -> Facts:
    return Facts(Platform.parse(target), Libc.parse(libc), Interpreter(python))


def host_facts() -> Facts:
    """The machine that runs the tests, as a target."""
    names = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
    version = ".".join(str(part) for part in sys.version_info[:3])
    return make_facts(" ".join(platform.libc_ver()), version, names[platform.machine()])


def ask(
    *requirements: str,
    facts: Facts | None = None,
    constraints: tuple[str, ...] = (),
    indexes: tuple[Index, ...] = (Index("main", ""),),
    wheels: tuple[Path, ...] = (),
    pins: Mapping[str, Locked] | None = None,
    locked: PlatformLock | None = None,
    upgrade: frozenset[str] | None = frozenset(),
    sdists: tuple[str, ...] = (),
) -> PythonQuestion:
    """A question as a target's files would ask it; `locked` is the lock so far."""
    folder = wheels[0].parent if wheels else Path.cwd()
    lines = [*requirements, *(f"./{wheel.name}" for wheel in wheels)]
    read = read_requirements([(line, Location("BUILD.yaml", 1)) for line in lines], folder, folder)
    return PythonQuestion(
        requirements=read.requirements,
        constraints=tuple(sorted(constraints)),
        wheels=read.wheels,
        facts=facts or make_facts(),
        indexes=indexes,
        pins=pins or {},
        preferences={each.name: each for each in locked.artifacts} if locked else {},
        upgrade=upgrade,
        sdists=sdists,
        builds=locked.builds if locked else {},
    )


def versions(lock: PlatformLock) -> dict[str, str]:
    """The locked versions by name."""
    return {each.name: each.version for each in lock.artifacts}
