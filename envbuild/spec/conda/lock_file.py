"""conda-lock.yml, version 1: its packages of conda as they are, those of pip pinned by their digests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from envbuild.core.errors import EnvbuildError, Location, SpecError
from envbuild.core.text import excerpt
from envbuild.spec.conda.package_url import read_package_url
from envbuild.spec.conda.parts import EVERYWHERE, Parts
from envbuild.spec.positions import Shape, Value
from envbuild.spec.problems import Problems

MAX_BYTES = 64 << 20
_DEFAULT = frozenset({"main"})


def is_lock_file(document: Value) -> bool:
    """Whether a document is one."""
    return {"version", "metadata", "package"} <= document.entries.keys()


def is_sdist(url: str) -> bool:
    """Whether a package of pip is locked as a source archive (PEP 625)."""
    return url.partition("#")[0].endswith(".tar.gz") and "+" not in url.partition(":")[0]


def read_lock_file(
    document: Value, groups: Collection[str], folder: Path, parts: Parts, problems: Problems
) -> None:
    """Read a document into `parts`: packages of the category `main`, and of those in `groups`."""
    version = document.entries["version"].value
    if version.text != "1":
        message = f"conda-lock.yml of version `{excerpt(version.text)}`"
        problems.add(message, version.location, "only version 1 is known: lock again with conda-lock")
        return
    metadata = document.entries["metadata"].value
    for channel in _get(metadata, "channels").items:
        _add_channel(_get(channel, "url"), parts, problems)
    platforms = {each.text for each in _get(metadata, "platforms").items}
    parts.add_platforms(platforms)
    packages = document.entries["package"].value.items
    _refuse_unknown(groups, packages, document.location, problems)
    pip = _PipPackages()
    for package in packages:
        if _get(package, "category").text in {"", *_DEFAULT, *groups}:
            try:
                _read_package(package, pip, parts)
            except EnvbuildError as error:
                problems.catch(error, package.location)
    for line, place, chosen in pip.lines(EVERYWHERE & platforms):
        parts.add_pip(line, place, folder, chosen)


def _get(value: Value, *keys: str) -> Value:
    """What stands below keys; nothing, at the place that was reached, where one of them is missing."""
    for key in keys:
        value = value.entries[key].value if key in value.entries else Value(Shape.NULL, value.location)
    return value


def _add_channel(url: Value, parts: Parts, problems: Problems) -> None:
    try:
        parts.add_channel(url.text)
    except EnvbuildError as error:
        problems.catch(error, url.location)


def _refuse_unknown(
    groups: Collection[str], packages: Collection[Value], place: Location, problems: Problems
) -> None:
    known = {_get(package, "category").text for package in packages}
    for group in groups:
        if group not in known:
            listed = ", ".join(f"`{excerpt(each)}`" for each in sorted(known))
            problems.add(f"no package is of the category `{excerpt(group)}`", place, f"it has {listed}")


def _read_package(package: Value, pip: _PipPackages, parts: Parts) -> None:
    manager, platform = _get(package, "manager").text, _get(package, "platform").text
    url = _get(package, "url").text
    sha256, md5 = _get(package, "hash", "sha256").text, _get(package, "hash", "md5").text
    if not platform:
        raise SpecError("a package has no platform", hint="lock again with conda-lock")
    if platform not in EVERYWHERE:
        return
    if manager == "pip":
        pip.add(package, platform, url, sha256)
    elif manager == "conda":
        found = read_package_url(f"{url}#sha256:{sha256}" if sha256 else f"{url}#{md5}" if md5 else url)
        parts.add_exact(found, {platform})
    else:
        raise SpecError(f"`{excerpt(manager)}` is no manager of packages", hint="known: `conda`, `pip`")


class _PipPackages:
    """The packages of pip: those of all platforms in one line each, others with their platforms."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._places: dict[tuple[str, str], Location] = {}

    def add(self, package: Value, platform: str, url: str, sha256: str) -> None:
        """Note one package on one platform."""
        name, version = _get(package, "name").text, _get(package, "version").text
        if not (url.partition("#")[0].endswith(".whl") or is_sdist(url)):
            raise SpecError(
                f"`{excerpt(name)}` is locked as `{excerpt(url.rpartition('/')[2])}`, which no index has",
                hint="build a wheel of it and list that under `wheels`",
            )
        self._digests[name, version][platform] = sha256
        self._places.setdefault((name, version), package.location)

    def lines(self, platforms: Collection[str]) -> Iterator[tuple[str, Location, Collection[str]]]:
        """Requirements with their places and platforms; digests are of all platforms together."""
        for (name, version), found in sorted(self._digests.items()):
            hashes = "".join(f" --hash=sha256:{each}" for each in sorted(set(found.values())) if each)
            chosen = EVERYWHERE if set(found).issuperset(platforms) else frozenset(found)
            yield f"{name}=={version}{hashes}", self._places[name, version], chosen
