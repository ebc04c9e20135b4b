"""`RUN --mount=...`: what a step sees besides its root (Dockerfile reference, "RUN --mount")."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.spec.problems import suggest

_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "bind": frozenset({"type", "target", "source", "from", "readonly"}),
    "cache": frozenset({"type", "target", "id", "sharing", "mode", "uid", "gid"}),
    "secret": frozenset({"type", "target", "id", "mode", "uid", "gid", "required", "env"}),
    "tmpfs": frozenset({"type", "target", "size"}),
}
_ALIASES: Final = {
    "dst": "target",
    "destination": "target",
    "src": "source",
    "ro": "readonly",
    "rw": "readwrite",
}
_SIZE: Final = compile_later(r"(\d+)([kmg]?)b?\Z", re.IGNORECASE)
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount; fields that its type has not are empty."""

    type: str
    target: str
    source: str = ""
    origin: str = ""  # of a bind: the stage, context or image it is taken from
    readonly: bool = True
    id: str = ""
    sharing: str = "shared"
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    required: bool = False
    variable: str = ""
    size: int = 0  # bytes; 0 = no limit of its own


def read_origin(text: str) -> str:
    """What a `--mount` is taken from, "" for the context; raises SpecError. Variables may not name it."""
    origin = _read_pairs(text).get("from", "")
    refuse_variables(origin, "from=")
    return origin


def refuse_variables(name: str, flag: str) -> None:
    """Raise SpecError where a variable stands in what an instruction is taken from."""
    if "$" in name[:-1]:
        hint = f"write `FROM {name} AS name` above, with an ARG before the first FROM, and `{flag}name`"
        raise SpecError(f"variables of `{flag}{name[:40]}` are not replaced, as with Docker", hint=hint)


def read_mount(text: str, expand: Callable[[str], str] = str) -> Mount:
    """Read the value of `--mount`, whose words `expand` replaces variables in; raises SpecError."""
    pairs = _read_pairs(text)
    stated = {key: value if key == "from" else expand(value) for key, value in pairs.items()}
    kind = stated.get("type", "bind").lower()
    if kind == "secret" and "source" in stated:
        if "id" in stated:
            raise SpecError("a `secret` mount has both `id` and `source`", hint="remove one")
        stated["id"] = stated.pop("source")
    if kind not in _KEYS:
        raise SpecError(f"a mount of type `{kind}` is not supported", hint=suggest(kind, _KEYS))
    for key in stated:
        if key not in _KEYS[kind]:
            raise SpecError(f"`{key}` of a `{kind}` mount is not supported", hint=suggest(key, _KEYS[kind]))
    if kind == "cache" and stated.get("sharing", "shared") not in ("shared", "private", "locked"):
        raise SpecError(f"`sharing={stated['sharing']}` is none of `shared`, `private`, `locked`")
    name = stated.get("id", "")
    target = stated.get("target", "")
    if kind == "secret":
        name = name or target.rpartition("/")[2]
        target = target or ("" if stated.get("env") else f"/run/secrets/{name}")
    if not target and not stated.get("env"):
        raise SpecError(f"a `{kind}` mount needs a `target`", hint="add `target=/path`")
    return Mount(
        type=kind,
        target=target,
        source=stated.get("source", ""),
        origin=stated.get("from", ""),
        readonly=_read_flag(stated.get("readonly", "true" if kind in ("bind", "secret") else "false")),
        id=name or (target if kind == "cache" else ""),
        sharing=stated.get("sharing", "shared"),
        mode=_read_number(stated.get("mode", "0400" if kind == "secret" else "0755"), "mode", 8),
        uid=_read_number(stated.get("uid", "0"), "uid"),
        gid=_read_number(stated.get("gid", "0"), "gid"),
        required=_read_flag(stated.get("required", "false")),
        variable=stated.get("env", ""),
        size=_read_size(stated.get("size", "0")),
    )


def _read_pairs(text: str) -> dict[str, str]:
    try:
        (fields,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise SpecError(
            f"`--mount={text[:80]}` cannot be read", hint="write `type=bind,target=/path`"
        ) from None
    stated: dict[str, str] = {}
    for field in fields:
        key, equals, value = field.strip().partition("=")
        key = _ALIASES.get(key.lower(), key.lower())
        if key == "readwrite":
            key, value = "readonly", "false" if _read_flag(value if equals else "true") else "true"
        elif not equals and key not in ("readonly", "required"):
            raise SpecError(f"`{field[:40]}` of a mount has no value", hint="write `key=value`")
        if key in stated:
            raise SpecError(f"a mount has `{key}` twice", hint="remove one")
        stated[key] = value if equals or value else "true"
    return stated


def _read_flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise SpecError(f"`{text[:40]}` of a mount is neither `true` nor `false`")
    return text.lower() in ("true", "1")


def _read_number(text: str, what: str, base: int = 10) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise SpecError(f"`{what}={text[:40]}` of a mount is no number") from None


def _read_size(text: str) -> int:
    match = _SIZE.match(text)
    if not match:
        raise SpecError(f"`size={text[:40]}` of a mount is no size", hint="write `64m`, or bytes")
    return int(match[1]) * _UNITS[match[2].lower()]
