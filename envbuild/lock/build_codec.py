"""How sdists are built, as JSON objects of a lock; reading trusts nothing in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from envbuild.lock.artifact_codec import NAME, decode_artifact, encode_artifact
from envbuild.lock.fields import BadLock, items, mapping, match, only, text, texts
from envbuild.lock.model import Build

_KEYS = {"backend", "path", "requires", "wheels"}


def encode_builds(builds: Mapping[str, Build]) -> dict[str, Any]:
    """The JSON object."""
    return {name: _encode(build) for name, build in builds.items()}


def decode_builds(value: object, where: str) -> Mapping[str, Build]:
    """Read what `encode_builds` gave; raises BadLock."""
    table = mapping(value, f"the builds of {where}")
    return {match(NAME, name, "package name"): _decode(build, name) for name, build in table.items()}


def _encode(build: Build) -> dict[str, Any]:
    return {
        "backend": build.backend,
        **({"path": list(build.path)} if build.path else {}),
        "requires": list(build.requires),
        "wheels": [encode_artifact(each) for each in sorted(build.wheels)],
    }


def _decode(value: object, name: str) -> Build:
    where = f"the build of `{name}`"
    table = mapping(value, where)
    only(table, _KEYS, where)
    wheels = tuple(decode_artifact(each) for each in items(table.get("wheels"), f"the wheels of {where}"))
    if any(each.kind != "wheel" for each in wheels) or len({each.name for each in wheels}) < len(wheels):
        raise BadLock(f"{where} holds a package twice, or something else than wheels")
    return Build(
        text(table.get("backend"), f"the backend of {where}"),
        texts(table.get("path", []), f"the path of {where}"),
        texts(table.get("requires"), f"the requirements of {where}"),
        tuple(sorted(wheels)),
    )
