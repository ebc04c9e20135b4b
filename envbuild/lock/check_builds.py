"""The locked sdists: each allowed, and all there that it is built with, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envbuild.core.errors import SpecError
from envbuild.lock.markers import Environment, marker_environment
from envbuild.lock.model import Build, PlatformLock, PythonQuestion
from envbuild.lock.reach import reach


def check_builds(part: PlatformLock, question: PythonQuestion) -> Iterator[str]:
    """Why the sdists of a lock do not answer the question."""
    sdists = {artifact.name for artifact in part.artifacts if artifact.kind == "sdist"}
    if not (sdists or part.builds) or question.facts.python is None:
        return
    environment = marker_environment(question.facts)
    for name in sorted(sdists.difference(question.sdists)):
        yield f"`{name}` is locked to be built from source, which `sdists` does not allow"
    for name in sorted(sdists - part.builds.keys()):
        yield f"what `{name}` is built with is not locked"
    for name in sorted(part.builds.keys() - sdists):
        yield f"what `{name}` is built with is locked, and it is not built"
    for name in sorted(sdists & part.builds.keys()):
        yield from _check_build(name, part.builds[name], environment)


def _check_build(name: str, build: Build, environment: Environment) -> Iterator[str]:
    locked = {wheel.name: wheel for wheel in build.wheels}

    def edges(package: str, _: frozenset[str]) -> Sequence[str]:
        return locked[package].requires if package in locked else ()

    try:
        wants = reach(build.requires, edges, environment).wants
    except SpecError as error:
        yield f"what `{name}` is built with states a dependency that is none: {error.message}"
        return
    for package in sorted(wants.keys() - locked.keys()):
        yield f"`{package}` is not locked, but `{name}` is built with it"
    for package in sorted(locked.keys() - wants.keys()):
        yield f"`{package}` is locked to build `{name}`, which does not require it"
