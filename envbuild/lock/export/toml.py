"""TOML (toml.io, version 1.0.0) as lock files want it: a table per package, small tables inline."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envbuild.core.pattern import compile_later

_BARE = compile_later(r"[A-Za-z0-9_-]+\Z")


def write_toml(document: Mapping[str, Any]) -> str:
    """A document whose lists of tables lie at its top; all tables below them are inline.

    Values are text, integers, booleans, and lists and mappings of these; order is kept.
    """
    tables = {key: value for key, value in document.items() if _is_tables(value)}
    lines = [_pair(key, value) for key, value in document.items() if key not in tables]
    for key, entries in tables.items():
        for entry in entries:
            lines += ["", f"[[{_key(key)}]]", *(_pair(name, value) for name, value in entry.items())]
    return "\n".join(lines) + "\n"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _pair(key: str, value: Any) -> str:
    return f"{_key(key)} = {_value(value)}"


def _key(key: str) -> str:
    return key if _BARE.match(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pair(key, each) for key, each in value.items())} }}" if value else "{}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return "".join(["[", *_items(value), "]"])
    return json.dumps(value)


def _items(values: Sequence[Any]) -> Iterator[str]:
    """A line per item: a lock's differences are read by line."""
    for value in values:
        yield f"\n    {_value(value)},"
    if values:
        yield "\n"


def _text(text: str) -> str:
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"  # a literal string: markers are full of quotes
    # A basic string is a JSON string, but for DEL, which must be escaped too.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
