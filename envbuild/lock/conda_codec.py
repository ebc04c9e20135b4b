"""What a lock says of a conda package beside the rest, as a JSON object; reading trusts nothing in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from envbuild.core.pattern import compile_later
from envbuild.lock.fields import BadLock, mapping, match, only, text, texts
from envbuild.lock.model import CondaRecord

CONDA = "conda"  # the kind of these artifacts, and their key

_BUILD = compile_later(r"[A-Za-z0-9_.+]{1,1000}\Z")
_NOARCH = compile_later(r"(?:python|generic)?\Z")
_MD5 = compile_later(r"(?:[0-9a-f]{32})?\Z")
_FOLDER = compile_later(r"(?:(?!\.)[A-Za-z0-9._-]+(?:/(?!\.)[A-Za-z0-9._-]+)*)?\Z")
_PROVIDED = compile_later(r"[a-z0-9]+(?:-[a-z0-9]+)*==[A-Za-z0-9.+!_-]{1,1000}\Z")
_VARIABLE = compile_later(r"[A-Za-z_][A-Za-z0-9_]*=[^\x00-\x1f]*\Z")
_SCRIPT = compile_later(r"etc/conda/activate\.d/[A-Za-z0-9_.+@%=~-]+\.sh\Z")
_NAMES = frozenset(field.name for field in fields(CondaRecord))


def encode_conda(record: CondaRecord) -> dict[str, Any]:
    """The JSON object; what is empty is left out."""
    values = {name.name: getattr(record, name.name) for name in fields(record)}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {name: value for name, value in plain.items() if value or name in ("build", "build_number")}


def decode_conda(value: object) -> CondaRecord:
    """Read what `encode_conda` gave; raises BadLock."""
    table = mapping(value, "what is told of it")
    only(table, set(_NAMES), "what is told of it")
    return CondaRecord(
        build=match(_BUILD, table.get("build"), "build"),
        build_number=_number(table, "build_number"),
        noarch=match(_NOARCH, table.get("noarch", ""), "kind of `noarch`"),
        constrains=texts(table.get("constrains", []), "a constraint"),
        license=text(table.get("license", ""), "its license"),
        md5=match(_MD5, table.get("md5", ""), "md5"),
        timestamp=_number(table, "timestamp"),
        track_features=texts(table.get("track_features", []), "a feature"),
        site_packages=match(_FOLDER, table.get("site_packages", ""), "folder"),
        provides=_matching(table, "provides", _PROVIDED),
        variables=_matching(table, "variables", _VARIABLE),
        scripts=_matching(table, "scripts", _SCRIPT),
        post_link=_flag(table, "post_link"),
    )


def _matching(table: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    found = texts(table.get(name, []), f"one of its `{name}`")
    return tuple(match(pattern, each, f"one of its `{name}`") for each in found)


def _flag(table: Mapping[str, Any], name: str) -> bool:
    value = table.get(name, False)
    if not isinstance(value, bool):
        raise BadLock(f"its {name} is neither true nor false")
    return value


def _number(table: Mapping[str, Any], name: str) -> int:
    value = table.get(name, 0)
    if type(value) is not int or not 0 <= value < 1 << 60:
        raise BadLock(f"its {name} is no number")
    return value
