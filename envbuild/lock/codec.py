"""Locks as bytes: JSON, sorted, one artifact a line, so that merges stay small.

Equal locks give equal bytes. A lock comes from a repository, so reading trusts nothing in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

from envbuild.core.digest import parse_sha256
from envbuild.core.errors import EnvbuildError, LockError
from envbuild.core.platform import Platform
from envbuild.lock.model import Lock, Locked, Pin, PlatformLock

SCHEMA = 1

_MAX_BYTES = 64_000_000
_KINDS = frozenset({"wheel", "deb"})
_NAME = re.compile(r"[a-z0-9][a-z0-9+._-]*\Z")
_ALIAS = re.compile(r"[A-Za-z0-9._-]*\Z")
_VERSION = re.compile(r"[A-Za-z0-9.+:~!_-]+\Z")
_LISTS = ("requires", "extras", "notes")
_KEYS = frozenset({"name", "version", "kind", "source", "file", "sha256", "size", *_LISTS})
_in_order = attrgetter("kind", "name")  # of artifacts: no two of a platform have one name


def encode_lock(lock: Lock) -> bytes:
    """The lock file's bytes."""
    document = {
        "schema": SCHEMA,
        "rule": lock.rule,
        "inputs": dict(lock.inputs),
        "platforms": {str(key): _encode_platform(value) for key, value in lock.platforms.items()},
    }
    return (_layout(document, "") + "\n").encode()


def decode_lock(data: bytes, *, file: str, label: str) -> Lock:
    """Read a lock file; raises BrokenLock that names `file` and how to lock `label` again.

    A lock of a newer schema is a LockError of its own: an older version must not replace it.
    """
    try:
        return _decode(data)
    except _NewerLock as error:
        raise LockError(f"`{file}` is of a newer version: {error}", hint="use a newer envbuild") from None
    except _BadLock as error:
        raise BrokenLock(f"`{file}` is broken: {error}", hint=f"run `envbuild lock {label}`") from None


class BrokenLock(LockError):
    """A lock file that no version wrote; locking again replaces it."""


class _BadLock(Exception):
    """What is wrong with a lock's bytes."""


class _NewerLock(_BadLock):
    """A schema of a version to come."""


def _encode_platform(platform: PlatformLock) -> dict[str, Any]:
    return {
        "facts": dict(platform.facts),
        "pins": {name: [pin.version, *pin.requires] for name, pin in platform.pins.items()},
        "artifacts": [_encode_artifact(each) for each in sorted(platform.artifacts)],
    }


def _encode_artifact(artifact: Locked) -> dict[str, Any]:
    lists = {key: list(getattr(artifact, key)) for key in _LISTS}
    return {
        "name": artifact.name,
        "version": artifact.version,
        "kind": artifact.kind,
        "source": artifact.source,
        "file": artifact.file,
        "sha256": artifact.sha256,
        "size": artifact.size,
        **{key: value for key, value in lists.items() if value},
    }


def _layout(value: object, indent: str) -> str:
    """Mappings a key a line, lists an item a line, what lies in a list on its one line."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        keys = value if "schema" in value else sorted(value)
        items = [f"{deeper}{_compact(key)}: {_layout(value[key], deeper)}" for key in keys]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(deeper + _compact(item) for item in value) + f"\n{indent}]"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _decode(data: bytes) -> Lock:
    document = _mapping(_parse(data), "the lock")
    schema = document.get("schema")
    if schema != SCHEMA:
        kind = _NewerLock if isinstance(schema, int) and schema > SCHEMA else _BadLock
        raise kind(f"its schema is `{str(schema)[:20]}`, and this version reads {SCHEMA}")
    _only(document, {"schema", "rule", "inputs", "platforms"}, "the lock")
    platforms = _mapping(document.get("platforms"), "`platforms`")
    return Lock(
        _text(document.get("rule"), "`rule`"),
        _mapping(document.get("inputs"), "`inputs`"),
        {_platform(key): _decode_platform(value, key) for key, value in platforms.items()},
    )


def _parse(data: bytes) -> object:
    if len(data) > _MAX_BYTES:
        raise _BadLock(f"it is over {_MAX_BYTES // 1_000_000} MB")
    if b"\n<<<<<<< " in data or b"\n>>>>>>> " in data:
        raise _BadLock("it holds the conflict markers of a merge")
    try:
        return json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _BadLock("it is no JSON in UTF-8, or nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _BadLock("it states a key twice")
    return found


def _no_constant(name: str) -> None:
    raise _BadLock(f"it holds `{name}`")


def _decode_platform(value: object, key: str) -> PlatformLock:
    where = f"`{key}`"
    table = _mapping(value, where)
    _only(table, {"facts", "pins", "artifacts"}, where)
    facts = _mapping(table.get("facts"), f"the facts of {where}")
    pins = _mapping(table.get("pins"), f"the pins of {where}")
    artifacts = tuple(_decode_artifact(each) for each in _list(table.get("artifacts"), "`artifacts`"))
    if len({each.name for each in artifacts}) != len(artifacts):
        raise _BadLock(f"{where} holds a package twice")
    return PlatformLock(
        tuple(sorted(artifacts, key=_in_order)),
        {name: _text(fact, f"the fact `{name}`") for name, fact in facts.items()},
        {_match(_NAME, name, "pin"): _decode_pin(pin, name) for name, pin in pins.items()},
    )


def _decode_pin(value: object, name: str) -> Pin:
    version, *requires = _texts(value, f"the pin `{name}`") or ("",)
    return Pin(_match(_VERSION, version, "version"), tuple(requires))


def _decode_artifact(value: object) -> Locked:
    table = _mapping(value, "an artifact")
    name = _match(_NAME, table.get("name"), "package name")
    try:
        return _read_artifact(table, name)
    except _BadArtifact as error:
        raise _BadLock(f"the artifact `{name}` {error}") from None


class _BadArtifact(Exception):
    """What is wrong with an artifact: the rest of a sentence about it.

    Locks hold thousands of artifacts: which one it was is put into words only where it matters.
    """


def _read_artifact(table: Mapping[str, Any], name: str) -> Locked:
    if unknown := sorted(table.keys() - _KEYS):
        raise _BadArtifact(f"has an unknown key `{unknown[0][:80]}`")
    if table.get("kind") not in _KINDS:
        raise _BadArtifact("is of an unknown kind")
    source = _match(_ALIAS, table.get("source"), "source")
    return Locked(
        kind=table["kind"],
        name=name,
        version=_match(_VERSION, table.get("version"), "version"),
        source=source,
        file=_file(table.get("file"), source),
        sha256=_sha256(table.get("sha256")),
        size=_size(table.get("size")),
        **{key: _items(table[key], key) for key in _LISTS if key in table},
    )


def _file(file: object, source: str) -> str:
    """A relative path that stays below its source; or, of no source, a wheel's URL."""
    if not isinstance(file, str) or not file.isprintable():
        raise _BadArtifact("has a file that is not a text")
    if not source and file.startswith(("https://", "http://")):
        return _url(file)
    if not file or file.startswith("/") or "\\" in file or not {"", ".", ".."}.isdisjoint(file.split("/")):
        raise _BadArtifact(f"has the path `{file[:80]}`, which is not below its source")
    return file


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _BadArtifact("has a malformed URL") from None
    if "@" in parts.netloc or not parts.hostname:
        raise _BadArtifact("has a URL with credentials or without a host")
    return url


def _sha256(value: object) -> str:
    try:
        return parse_sha256(_text(value, "its sha256"))
    except (EnvbuildError, _BadLock):
        raise _BadArtifact("has no valid sha256") from None


def _size(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 50:
        raise _BadArtifact("has no valid size")
    return value


def _items(value: object, key: str) -> tuple[str, ...]:
    try:
        return _texts(value, "an item")
    except _BadLock:
        raise _BadArtifact(f"has `{key}` that are no list of texts") from None


def _platform(text: str) -> Platform:
    try:
        return Platform.parse(text)
    except EnvbuildError as error:
        raise _BadLock(error.message) from None


def _match(pattern: re.Pattern[str], value: object, what: str) -> str:
    text = _text(value, what)
    if not pattern.match(text):
        raise _BadLock(f"`{text[:80]}` is no {what}")
    return text


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise _BadLock(f"{what} is not a text")
    return value


def _texts(value: object, what: str) -> tuple[str, ...]:
    items = _list(value, what)
    if not all(isinstance(each, str) and each.isprintable() for each in items):
        raise _BadLock(f"{what} is not a text")
    return tuple(items)


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise _BadLock(f"{what} is not a list")
    return value


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _BadLock(f"{what} is not a mapping")
    return value


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise _BadLock(f"{where} has an unknown key `{unknown[0][:80]}`")
