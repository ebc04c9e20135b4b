"""What channels and packages say of conda packages, as a lock has it; nothing in it is trusted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from envbuild.archive.conda_activation import is_activation, read_assignments
from envbuild.core.dataclass import replace
from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.text import excerpt
from envbuild.core.wire import parse_json
from envbuild.lock.artifact_codec import decode_artifact, encode_artifact
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.fields import BadLock
from envbuild.lock.model import CondaQuestion, CondaRecord, Locked
from envbuild.lock.resolve.conda_names import guess, is_python, read_paths, read_purls
from envbuild.sources.channel import Channels
from envbuild.spec.conda.model import ExactPackage

if TYPE_CHECKING:
    from rattler import RepoDataRecord

Told = Mapping[str, Any]


class Packages(Protocol):
    """Tells of packages what channels' indexes leave out; every method raises SourceError."""

    def measure(self, channel: str, file: str, md5: str) -> tuple[str, int]:
        """The sha256 and the size of a package that has this md5."""

    def paths(self, package: Locked) -> Sequence[str]:
        """Of the files in a package, those that tell what is in it."""

    def scripts(self, package: Locked, paths: Collection[str]) -> Mapping[str, str]:
        """The contents of small files in a package."""

    def index(self, exact: ExactPackage) -> tuple[Mapping[str, bytes], Digest]:
        """What a package says of itself, and its digest."""


def lock_record(record: RepoDataRecord, question: CondaQuestion, packages: Packages) -> Locked:
    """A package that a channel describes; raises SourceError."""
    told = json.loads(record.to_json())
    source, path = find_place(record, question.channels)
    sha256, size = told.get("sha256") or "", told.get("size") or 0
    if not (sha256 and size):
        known = question.preferences.get(told["name"])
        sha256, size = _complete(record, told, known, question.channels, packages)
    package = _check(_describe(told, source, path, sha256, size), source or path)
    return _look_into(package, told.get("purls"), packages)


def lock_exact(
    exact: ExactPackage, question: CondaQuestion, channels: Channels, packages: Packages
) -> Locked:
    """A package that the spec names by its URL, as it describes itself; raises SourceError."""
    source, path = _place(channels.alias(exact.channel), exact.file)
    known = question.preferences.get(exact.name)
    if known and (known.source, known.file) == (source, path) and _has_digest(known, exact):
        return known
    info, digest = packages.index(exact)
    try:
        told = parse_json(info["index.json"])
    except (KeyError, ValueError):
        told = None
    if not isinstance(told, dict):
        raise _wrong(exact.url, "it does not describe itself")
    package = _describe({**told, "md5": exact.md5}, source, path, digest.hash, digest.size)
    return _look_into(_check(package, exact.url), None, packages)


def _has_digest(known: Locked, exact: ExactPackage) -> bool:
    if exact.sha256:
        return known.sha256 == exact.sha256
    return bool(exact.md5) and known.conda is not None and known.conda.md5 == exact.md5


def as_record(package: Locked) -> RepoDataRecord:
    """A locked package as the solver knows packages."""
    from rattler import PackageRecord, RepoDataRecord
    from rattler.package import BuildString

    record = package.conda
    assert record is not None
    subdir, _, name = package.file.rpartition("/")
    known = PackageRecord(
        package.name,
        package.version,
        BuildString(record.build),
        record.build_number,
        subdir.rpartition("/")[2],
        depends=list(package.requires),
        constrains=list(record.constrains),
        sha256=bytes.fromhex(package.sha256),
        size=package.size,
    )
    return RepoDataRecord(known, name, f"file:///{package.file.rpartition('://')[2]}", "")


def find_place(record: RepoDataRecord, channels: Sequence[str]) -> tuple[str, str]:
    """Where a record's package lies: source and file, as a lock has them; raises SourceError."""
    channel = _find_channel(record, channels)
    file = f"{record.subdir}/{record.file_name}"
    if record.url != f"{record.channel}{file}":
        raise _wrong(record.file_name, "it lies outside of the channel that tells of it")
    return _place(channel, file)


def _find_channel(record: RepoDataRecord, channels: Sequence[str]) -> str:
    from rattler import Channel

    for channel in channels:
        if record.channel == Channel(channel).base_url:
            return channel
    raise _wrong(record.file_name, "it lies outside of the channel that tells of it")


def _place(channel: str, file: str) -> tuple[str, str]:
    return ("", f"{channel.rstrip('/')}/{file}") if "://" in channel else (channel, file)


def _complete(
    record: RepoDataRecord, told: Told, known: Locked | None, channels: Sequence[str], packages: Packages
) -> tuple[str, int]:
    """The sha256 and size of a package whose channel does not tell both; the lock's while they hold."""
    md5 = told.get("md5") or ""
    place = find_place(record, channels)
    if known and known.conda and md5 and (known.conda.md5, known.source, known.file) == (md5, *place):
        return known.sha256, known.size
    return packages.measure(_find_channel(record, channels), f"{record.subdir}/{record.file_name}", md5)


def _describe(told: Told, source: str, path: str, sha256: str, size: int) -> Locked:
    record = CondaRecord(
        build=_text(told, "build"),
        build_number=told.get("build_number") or 0,
        noarch=_noarch(told.get("noarch")),
        constrains=_texts(told, "constrains"),
        license=_text(told, "license"),
        md5=_text(told, "md5"),
        timestamp=told.get("timestamp") or 0,
        track_features=_features(told.get("track_features")),
        site_packages=_text(told, "python_site_packages_path"),
    )
    name, version = _text(told, "name").lower(), _text(told, "version")
    return Locked(CONDA, name, version, source, path, sha256, size, _texts(told, "depends"), conda=record)


def _check(package: Locked, where: str) -> Locked:
    """The package if a lock can have it: whoever reads the lock will look as closely."""
    try:
        return decode_artifact(json.loads(json.dumps(encode_artifact(package))))
    except (BadLock, ValueError) as error:
        raise _wrong(where, str(error)) from None


def _look_into(package: Locked, purls: Sequence[str] | None, packages: Packages) -> Locked:
    """The package with what only its files tell."""
    assert package.conda is not None
    paths = packages.paths(package)
    record = replace(package.conda, provides=_provided(package, purls, paths))
    if scripts := sorted(path for path in paths if is_activation(path)):
        record = _activate(record, packages.scripts(package, scripts))
    post_link = f"bin/.{package.name}-post-link.sh" in paths
    return replace(package, conda=replace(record, post_link=post_link), notes=_note_scripts(package, paths))


def _note_scripts(package: Locked, paths: Collection[str]) -> tuple[str, ...]:
    """Which scripts of a package an installer would run (CEP 34), and whether they run here."""
    allowed = {"post-link": f", unless `link_scripts` names `{package.name}`"}
    scripts = {kind: f"bin/.{package.name}-{kind}.sh" for kind in ("post-link", "pre-link", "pre-unlink")}
    return tuple(
        f"`{path}` is not run{allowed.get(kind, '')}" for kind, path in scripts.items() if path in paths
    )


def _provided(package: Locked, purls: Sequence[str] | None, paths: Sequence[str]) -> tuple[str, ...]:
    """The distributions in a package, as the channel says, else its files, else its name."""
    if not is_python(package):
        return ()
    if purls is not None:
        return read_purls(purls, package.version)
    return read_paths(paths) or guess(package)


def _activate(record: CondaRecord, scripts: Mapping[str, str]) -> CondaRecord:
    """With what activating does: variables where that is all, else the script."""
    variables: list[str] = []
    sourced: list[str] = []
    for path, script in sorted(scripts.items()):
        found = read_assignments(script)
        if found is None:
            sourced.append(path)
        else:
            variables += found
    return replace(record, variables=tuple(variables), scripts=tuple(sourced))


def _wrong(where: str, what: str) -> SourceError:
    return SourceError(
        f"what `{excerpt(where)}` tells of a package cannot be: {what}",
        hint="tell whoever runs the channel, or use another",
    )


def _text(told: Told, name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _texts(told: Told, name: str) -> tuple[str, ...]:
    value = told.get(name)
    return tuple(value) if isinstance(value, list) else ()


def _noarch(value: object) -> str:
    """Of old records, `true` stands for a generic one."""
    return value if isinstance(value, str) else "generic" if value else ""


def _features(value: object) -> tuple[str, ...]:
    """Of old records, a text with blanks between."""
    return tuple(value.split()) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
