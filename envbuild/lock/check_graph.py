"""The locked packages against the requirements: all there, none too many, each as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from envbuild.core.errors import SpecError
from envbuild.lock.markers import holds, marker_environment
from envbuild.lock.model import Locked, PlatformLock, PythonQuestion
from envbuild.lock.reach import Reached, Want, reach
from envbuild.spec.requirement_line import Pinned, parse_pinned


def check_graph(part: PlatformLock, question: PythonQuestion, *, unchanged: bool) -> Iterator[str]:
    """Why the packages do not answer the question.

    Packages that are missing or too many are found even in a lock for `unchanged` inputs: a merge
    may have made it.
    """
    if question.facts.python is None:
        return
    locked = {artifact.name: artifact for artifact in part.artifacts if artifact.is_python}
    try:
        reached = _reach(part, locked, question)
    except SpecError as error:
        _reach(PlatformLock(()), {}, question)  # raises where the requirements themselves are at fault
        yield f"it states a dependency that is none: {error.message}"
        return
    yield from _check_presence(locked, question, reached)
    if not unchanged:
        for name in sorted(reached.wants):
            if found := locked.get(name) or question.pins.get(name):
                yield from _check_package(found, reached, _constraints(name, question))
        yield from _check_wheels(locked, question)


def _reach(part: PlatformLock, locked: Mapping[str, Locked], question: PythonQuestion) -> Reached:
    def edges(name: str, _: frozenset[str]) -> Sequence[str]:
        if name in locked:
            return locked[name].requires
        return part.pins[name].requires if name in part.pins else ()

    roots = [*question.requirements, *(wheel.name for wheel in question.wheels)]
    return reach(roots, edges, marker_environment(question.facts))


def _check_presence(
    locked: Mapping[str, Locked], question: PythonQuestion, reached: Reached
) -> Iterator[str]:
    for name, wants in sorted(reached.wants.items()):
        if name not in locked and name not in question.pins:
            by = min(want.by for want in wants)
            yield f"`{name}` is not locked, but {f'`{by}` requires it' if by else 'it is required'}"
    for name in sorted(locked):
        if name not in reached.wants:
            yield f"`{name}` is no longer required"


def _check_package(found: Locked, reached: Reached, constraints: Sequence[Pinned]) -> Iterator[str]:
    wants = reached.wants[found.name]
    rules = [*wants, *(Want("", each) for each in constraints)]
    for want in rules:
        yield from _check_want(found, want)
    if missing := sorted(reached.extras[found.name] - set(found.extras)):
        listed = ", ".join(f"`{extra}`" for extra in missing)
        yield f"`{found.name}` is locked without the extra {listed}"
    if found.is_url and not any(want.pinned.requirement.url for want in wants):
        yield f"`{found.name}` is no longer required by its URL"
    if _is_prerelease(found.version) and not any(
        rule.pinned.requirement.specifier.prereleases for rule in rules
    ):
        yield f"`{found.name}` {found.version} is a prerelease, and nothing asks for one"


def _check_want(found: Locked, want: Want) -> Iterator[str]:
    requirement, hashes = want.pinned.requirement, want.pinned.hashes
    if not requirement.specifier.contains(found.version, prereleases=True):
        yield f"`{found.name}` is locked at {found.version}, but {_says(want)}"
    if hashes and found.sha256 not in hashes:
        yield f"the locked file of `{found.name}` has none of the hashes that are required"
    if requirement.url and not _same_url(requirement.url, found):
        yield f"`{found.name}` is not locked from the URL that is required"


def _says(want: Want) -> str:
    specifier = want.pinned.requirement.specifier
    return f"`{want.by}` requires `{specifier}`" if want.by else f"`{specifier}` is required"


def _check_wheels(locked: Mapping[str, Locked], question: PythonQuestion) -> Iterator[str]:
    contents: dict[str, set[str]] = {}
    for wheel in question.wheels:
        contents.setdefault(wheel.name, set()).add(wheel.sha256)
    for name, artifact in sorted(locked.items()):
        if name in contents and artifact.sha256 not in contents[name]:
            yield f"the {artifact.kind} of `{name}` has other contents than the locked one"
        if artifact.is_local and name not in contents:
            yield f"`{name}` is no longer {_call_local(artifact)} of the workspace"


def _call_local(artifact: Locked) -> str:
    return "an sdist" if artifact.kind == "sdist" else "a wheel"


def _constraints(name: str, question: PythonQuestion) -> list[Pinned]:
    """The constraints on a package whose markers hold on the target."""
    environment = marker_environment(question.facts)
    parsed = [parse_pinned(text) for text in question.constraints]
    return [each for each in parsed if each.name == name and holds(each.requirement.marker, environment)]


def _same_url(url: str, found: Locked) -> bool:
    bare, _, fragment = url.partition("#")
    return found.file == bare and fragment in ("", f"sha256={found.sha256}")


def _is_prerelease(version: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False
