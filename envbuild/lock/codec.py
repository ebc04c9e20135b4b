"""Locks as bytes: JSON, sorted, one artifact a line, so that merges stay small.

Equal locks give equal bytes. A lock comes from a repository, so reading trusts nothing in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from envbuild.core.errors import EnvbuildError, LockError
from envbuild.core.platform import Platform
from envbuild.core.text import excerpt
from envbuild.lock.artifact_codec import NAME, VERSION, decode_artifact, encode_artifact
from envbuild.lock.build_codec import decode_builds, encode_builds
from envbuild.lock.fields import BadLock, are_texts, facts, items, mapping, match, only, text, texts
from envbuild.lock.image_codec import decode_images, encode_images
from envbuild.lock.model import Lock, Pin, PlatformLock

SCHEMA = 1

MAX_BYTES = 64_000_000

_INPUT_LEVELS = 4  # as in `indexes`: a list of mappings with lists
_in_order = attrgetter("kind", "name")  # of artifacts: no two of a platform have both


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
    except BadLock as error:
        raise BrokenLock(f"`{file}` is broken: {error}", hint=f"run `envbuild lock {label}`") from None


class BrokenLock(LockError):
    """A lock file that no version wrote; locking again replaces it."""


class _NewerLock(BadLock):
    """A schema of a version to come."""


def _encode_platform(platform: PlatformLock) -> dict[str, Any]:
    images = {"images": encode_images(platform.images)} if platform.images else {}
    installed = {"installed": dict(platform.installed)} if platform.installed else {}
    builds = {"builds": encode_builds(platform.builds)} if platform.builds else {}
    return {
        "facts": dict(platform.facts),
        "pins": {name: [pin.version, *pin.requires] for name, pin in platform.pins.items()},
        "artifacts": [encode_artifact(each) for each in sorted(platform.artifacts)],
        **images,
        **installed,
        **builds,
    }


def _layout(value: object, indent: str) -> str:
    """Mappings a key a line, lists an item a line, what lies in a list on its one line."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        keys = value if "schema" in value else sorted(value)
        lines = [f"{deeper}{_compact(key)}: {_layout(value[key], deeper)}" for key in keys]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(deeper + _compact(item) for item in value) + f"\n{indent}]"
    return _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _decode(data: bytes) -> Lock:
    document = mapping(_parse(data), "the lock")
    schema = document.get("schema")
    if not isinstance(schema, (int, str)):
        raise BadLock("its schema is no number")
    if schema != SCHEMA:
        kind = _NewerLock if isinstance(schema, int) and schema > SCHEMA else BadLock
        raise kind(f"its schema is `{excerpt(str(schema))}`, and this version reads {SCHEMA}")
    only(document, {"schema", "rule", "inputs", "platforms"}, "the lock")
    platforms = mapping(document.get("platforms"), "`platforms`")
    return Lock(
        text(document.get("rule"), "`rule`"),
        mapping(_plain(document.get("inputs"), _INPUT_LEVELS), "`inputs`"),
        {_platform(key): _decode_platform(value, key) for key, value in platforms.items()},
    )


def _parse(data: bytes) -> object:
    if len(data) > MAX_BYTES:
        raise BadLock(f"it is over {MAX_BYTES // 1_000_000} MB")
    if b"\n<<<<<<< " in data or b"\n>>>>>>> " in data:
        raise BadLock("it holds the conflict markers of a merge")
    try:
        return json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadLock("it is no JSON in UTF-8, or nested too deeply") from None


def _plain(value: Any, levels: int) -> Any:
    """The value, of which errors quote parts: texts are printable, and nothing is nested deeper."""
    if levels and isinstance(value, list) and are_texts(value):
        return value
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    if inner and not levels:
        raise BadLock("its inputs are nested too deeply")
    for each in inner:
        _plain(each, levels - 1)
    if isinstance(value, float) or (isinstance(value, str) and not value.isprintable()):
        raise BadLock("its inputs hold something else than texts and integers")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadLock("it states a key twice")
    return found


def _no_constant(name: str) -> None:
    raise BadLock(f"it holds `{name}`")


def _decode_platform(value: object, key: str) -> PlatformLock:
    where = f"`{key}`"
    table = mapping(value, where)
    only(table, {"facts", "pins", "artifacts", "images", "installed", "builds"}, where)
    pins = mapping(table.get("pins"), f"the pins of {where}")
    artifacts = tuple(decode_artifact(each) for each in items(table.get("artifacts"), "`artifacts`"))
    if len({(each.kind, each.name) for each in artifacts}) != len(artifacts):
        raise BadLock(f"{where} holds a package twice")
    return PlatformLock(
        tuple(sorted(artifacts, key=_in_order)),
        facts(table.get("facts"), where),
        {match(NAME, name, "pin"): _decode_pin(pin, name) for name, pin in pins.items()},
        decode_images(table["images"]) if "images" in table else {},
        _decode_installed(table.get("installed", {}), where),
        decode_builds(table.get("builds", {}), where),
    )


def _decode_installed(value: object, where: str) -> Mapping[str, str]:
    versions = mapping(value, f"`installed` of {where}")
    return {
        match(NAME, name, "package name"): match(VERSION, each, "version") for name, each in versions.items()
    }


def _decode_pin(value: object, name: str) -> Pin:
    version, *requires = texts(value, f"the pin `{name}`") or ("",)
    return Pin(match(VERSION, version, "version"), tuple(requires))


def _platform(name: str) -> Platform:
    try:
        platform = Platform.parse(name)
    except EnvbuildError as error:
        raise BadLock(error.message) from None
    if str(platform) != name:  # else one platform could be stated twice
        raise BadLock(f"it calls `{platform}` `{name}`")
    return platform
