"""Artifacts of a lock as JSON objects, one a line; reading trusts nothing in them."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from envbuild.core.digest import parse_sha256
from envbuild.core.errors import EnvbuildError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.lock.base_image import DIRECT, LAYER_TYPES
from envbuild.lock.conda_codec import CONDA, decode_conda, encode_conda
from envbuild.lock.fields import BadLock, are_texts, mapping, match, text, texts
from envbuild.lock.model import CondaRecord, Locked

_KINDS = frozenset({"wheel", "sdist", "deb", "file", CONDA, *LAYER_TYPES})
NAME = compile_later(r"_?[a-z0-9][a-z0-9+._-]*\Z")
_ALIAS = compile_later(r"(?:[A-Za-z0-9._-]+(?:/(?!\.+(?:/|\Z))[A-Za-z0-9._-]+)*)?\Z")
VERSION = compile_later(r"[A-Za-z0-9.+:~!_-]{1,1000}\Z")
# What nearly all artifacts of a source have, in this order; all of it passes the checks below, too.
_USUAL = compile_later(
    r"[a-z0-9][a-z0-9+._-]*\n"
    r"[A-Za-z0-9.+:~!_-]{1,1000}\n"
    r"(?:wheel|deb)\n"
    r"[A-Za-z0-9._-]+\n"
    r"[A-Za-z0-9][A-Za-z0-9.+~!%_-]*(?:/[A-Za-z0-9][A-Za-z0-9.+~!%_-]*)*\n"
    r"[0-9a-f]{64}"
)
_LISTS = ("requires", "extras", "notes")
_STATED = ("name", "version", "kind", "source", "file", "sha256", "size")
_KEYS = frozenset({*_STATED, *_LISTS, CONDA})
_stated_texts = itemgetter(*_STATED[:-1])


def encode_artifact(artifact: Locked) -> dict[str, Any]:
    """The JSON object; empty lists are left out."""
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
        **({CONDA: encode_conda(artifact.conda)} if artifact.conda else {}),
    }


def decode_artifact(value: object) -> Locked:
    """Read what `encode_artifact` gave; raises BadLock that names the artifact."""
    table = mapping(value, "an artifact")
    if usual := _read_usual(table):
        return usual
    name = match(NAME, table.get("name"), "package name")
    try:
        return _read_artifact(table, name)
    except _BadArtifact as error:
        raise BadLock(f"the artifact `{name}` {error}") from None


def _read_usual(table: Mapping[str, Any]) -> Locked | None:
    """An artifact as nearly all are, judged at once; None for any other, right or wrong."""
    requires = table.get("requires")
    try:
        name, version, kind, source, file, sha256 = stated = _stated_texts(table)
        usual = _USUAL.fullmatch("\n".join(stated))
    except (KeyError, TypeError):
        return None
    if not usual or len(table) != len(_STATED) + (requires is not None) or not _is_size(table.get("size")):
        return None
    if requires is None:
        return Locked(kind, name, version, source, file, sha256, table["size"])
    if not isinstance(requires, list) or not are_texts(requires):
        return None
    return Locked(kind, name, version, source, file, sha256, table["size"], tuple(requires))


class _BadArtifact(Exception):
    """What is wrong with an artifact: the rest of a sentence about it.

    Locks hold thousands of artifacts: which one it was is put into words only where it matters.
    """


def _read_artifact(table: Mapping[str, Any], name: str) -> Locked:
    if unknown := sorted(table.keys() - _KEYS):
        raise _BadArtifact(f"has an unknown key `{excerpt(unknown[0])}`")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _BadArtifact("is of an unknown kind")
    source = match(_ALIAS, table.get("source"), "source")
    return Locked(
        kind=kind,
        name=name,
        version=match(VERSION, table.get("version"), "version"),
        source=source,
        file=_file(table.get("file"), source, kind),
        sha256=_sha256(table.get("sha256")),
        size=_size(table.get("size")),
        **{key: _items(table[key], key) for key in _LISTS if key in table},
        conda=_conda(table, kind),
    )


def _conda(table: Mapping[str, Any], kind: str) -> CondaRecord | None:
    if (kind == CONDA) != (CONDA in table):
        raise _BadArtifact("is of one kind, and described as of another")
    try:
        return decode_conda(table[CONDA]) if kind == CONDA else None
    except BadLock as error:
        raise _BadArtifact(f"is wrong: {error}") from None


def _file(file: object, source: str, kind: str) -> str:
    """A relative path that stays below its source; or, of no source, a URL."""
    if not isinstance(file, str) or not file.isprintable():
        raise _BadArtifact("has a file that is not a text")
    if not source and kind == CONDA and file.startswith("file:///"):
        return file
    if not source and file.startswith(("https://", "http://", DIRECT)):
        return _url(file)
    if not file or file.startswith("/") or "\\" in file or not {"", ".", ".."}.isdisjoint(file.split("/")):
        raise _BadArtifact(f"has the path `{excerpt(file)}`, which is not below its source")
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
        return parse_sha256(text(value, "its sha256"))
    except (EnvbuildError, BadLock):
        raise _BadArtifact("has no valid sha256") from None


def _size(value: object) -> int:
    if not _is_size(value):
        raise _BadArtifact("has no valid size")
    return value


def _is_size(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 1 << 50


def _items(value: object, key: str) -> tuple[str, ...]:
    try:
        return texts(value, "an item")
    except BadLock:
        raise _BadArtifact(f"has `{key}` that are no list of texts") from None
