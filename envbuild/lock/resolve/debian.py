"""Answers the question which .debs a target needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from envbuild.archive.deb import read_control
from envbuild.archive.maintainer_scripts import script_effects
from envbuild.core.dataclass import replace
from envbuild.core.errors import ResolveError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.lock.model import DebianQuestion, Locked, PlatformLock
from envbuild.lock.resolve.debian_selection import Misfit, Selection
from envbuild.sources.debian_index import DebianIndex, Package, Row
from envbuild.sources.debian_relations import Relation
from envbuild.sources.debian_version import upstream_version
from envbuild.spec.problems import suggest_among

Fetch = Callable[[Locked], Path]

# Every base has it: the system's name and version, its folders, and what its postinst copies.
_ALWAYS: Final = ("base-files",)
# What the steps of a Dockerfile take for granted. Packages marked `Essential` are nobody's dependency, and
# all of them would be twice as much: dpkg, perl, login and the init system's helpers serve no step.
_ESSENTIAL: Final = (
    *("base-passwd", "bash", "coreutils", "dash", "debianutils", "findutils"),
    *("grep", "gzip", "libc-bin", "mawk", "sed", "tar"),
)
_REQUEST: Final = compile_later(r"([a-z0-9][a-z0-9+.-]*)(?:=([A-Za-z0-9.+:~-]+))?\Z")
_PYTHON: Final = compile_later(r"python(3\.\d+)-minimal\Z")
_LIBC_VERSION: Final = compile_later(r"\d+\.\d+")
_PYTHON_VERSION: Final = compile_later(r"3\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_DOWNLOADS: Final = 8


def resolve_debian(question: DebianQuestion, index: DebianIndex, fetch: Fetch) -> PlatformLock:
    """The packages, sorted by name, with what of their scripts is not done; raises ResolveError, SourceError.

    Versions that are locked already stay while the index has them. `fetch` gives a local file of a
    package, verified; it is called from several threads, and only for packages that are not locked yet.
    """
    requests = _read_requests(question, index)
    installed = {
        name: _describe_installed(name, version, index) for name, version in question.installed.items()
    }
    try:
        selection = _select(requests, index, installed, _kept_versions(question))
    except ResolveError:
        # What was locked before may stand in the way of what is asked for now.
        selection = _select(requests, index, installed, {})
    artifacts = [_lock_package(each, selection, question.source) for each in selection.chosen.values()]
    noted = _add_notes(sorted(artifacts), question.preferences, fetch)
    used = _find_used(requests, artifacts, selection)
    return PlatformLock(noted, facts=_facts(selection.chosen), installed=used)


def _describe_installed(name: str, version: str, index: DebianIndex) -> Package:
    """A package of the base, of which only the version is known.

    What it provides and excludes is taken from the same package in the index, if need be in another
    version: within a suite, that does not change.
    """
    offered = index.versions(name)
    alike = next((each for each in offered if each.version == version), None) or next(iter(offered), None)
    if alike is None:
        return Package(Row._make(("",) * len(Row._fields))._replace(name=name, version=version))
    provides = alike.row.provides.replace(f"(= {alike.version})", f"(= {version})")
    return Package(alike.row._replace(version=version, provides=provides))


def _find_used(
    requests: Iterable[Relation], artifacts: Iterable[Locked], selection: Selection
) -> Mapping[str, str]:
    """The base's packages that the target asks for, or that its own depend on."""
    names = {name for artifact in artifacts for name in artifact.requires}
    names |= {package.name for relation in requests for package in selection.matches(relation)}
    return {name: each.version for name, each in sorted(selection.installed.items()) if name in names}


def _read_requests(question: DebianQuestion, index: DebianIndex) -> list[Relation]:
    """What the target asks for by name, then what every base gets."""
    asked = [_read_request(text, question, index) for text in sorted(question.packages)]
    added = (*(() if question.installed else _ALWAYS), *(_ESSENTIAL if question.essential else ()))
    return [*asked, *(Relation(name) for name in added)]


def _read_request(text: str, question: DebianQuestion, index: DebianIndex) -> Relation:
    match = _REQUEST.match(text)
    if not match:
        raise ResolveError(
            f"`{excerpt(text)}` names no Debian package", hint="write `name` or `name=version`"
        )
    name, version = match[1], match[2] or ""
    if name in question.installed and version in ("", question.installed[name]):
        return Relation(name, "=" if version else "", version)
    offered = index.versions(name)
    if not offered and not index.providers(name):
        raise ResolveError(
            f"there is no package `{name}` for {question.platform.debian} in `{question.suite}`"
            f" ({', '.join(question.components)})",
            hint=suggest_among(name, index.names) or _tell_left_out(question),
        )
    if version and version not in (each.version for each in offered):
        known = ", ".join(f"`{each.version}`" for each in offered) or "none: others provide it"
        hint = f"the suite has {known}; a snapshot mirror keeps older ones"
        raise ResolveError(f"there is no version `{version}` of `{name}` in `{question.suite}`", hint=hint)
    return Relation(name, "=" if version else "", version)


def _tell_left_out(question: DebianQuestion) -> str:
    """Which archives of the base are not asked for a package that nobody has."""
    files = ", ".join(f"`{each}`" for each in question.left_out if each.startswith("/etc/apt/sources"))
    return f"what others than the distribution offer is left out: see {files} of the base" if files else ""


def _kept_versions(question: DebianQuestion) -> Mapping[str, Locked]:
    if question.upgrade is None:
        return {}
    return {name: locked for name, locked in question.preferences.items() if name not in question.upgrade}


def _select(
    requests: Sequence[Relation],
    index: DebianIndex,
    installed: Mapping[str, Package],
    kept: Mapping[str, Locked],
) -> Selection:
    """What is needed beside what is installed; raises Misfit.

    Where the newest packages do not fit the base, which may be behind the suites, older ones may do: those
    that led to it are refused, one after another, until it fits or nobody is left to be refused.
    """

    def is_locked(package: Package) -> bool:
        return package.name in kept and kept[package.name].sha256 == package.row.sha256

    refused: set[Row] = set()
    first: Misfit | None = None
    while True:
        selection = Selection(index, is_locked, installed, refused)
        try:
            selection.select(requests)
        except Misfit as error:
            first = first or error
            if not installed or error.culprit is None:
                raise first from None
            refused.add(error.culprit.row)
        else:
            return selection


def _lock_package(package: Package, selection: Selection, source: str) -> Locked:
    return Locked(
        kind="deb",
        name=package.name,
        version=package.version,
        source=source,
        file=package.row.file,
        sha256=package.row.sha256,
        size=int(package.row.size),
        requires=tuple(sorted(set(selection.edges(package)) - {package.name})),
    )


def _add_notes(artifacts: Iterable[Locked], known: Mapping[str, Locked], fetch: Fetch) -> tuple[Locked, ...]:
    """The artifacts with what their scripts would have done; equal bytes have equal notes."""

    def read_notes(artifact: Locked) -> Locked:
        before = known.get(artifact.name)
        if before and before.sha256 == artifact.sha256:
            return replace(artifact, notes=before.notes)
        with fetch(artifact).open("rb") as deb:
            return replace(artifact, notes=script_effects(read_control(deb)))

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        return tuple(pool.map(read_notes, artifacts))


def _facts(chosen: Mapping[str, Package]) -> dict[str, str]:
    """What children rely on: the C library, and the newest Python with its path."""
    facts: dict[str, str] = {}
    if libc := _match_upstream(chosen.get("libc6"), _LIBC_VERSION):
        facts["libc"] = f"glibc {libc}"
    pythons = [name for name in chosen if _PYTHON.match(name)]
    if pythons:
        name = max(pythons, key=lambda each: int(each.removesuffix("-minimal").rpartition(".")[2]))
        if version := _match_upstream(chosen[name], _PYTHON_VERSION):
            facts["python"] = version
            facts["interpreter"] = f"/usr/bin/{name.removesuffix('-minimal')}"
    return facts


def _match_upstream(package: Package | None, pattern: re.Pattern[str]) -> str:
    match = pattern.match(upstream_version(package.version)) if package else None
    return match[0] if match else ""
