"""Canonical bytes: protobuf's wire format for the Remote Execution API, and canonical JSON.

Only what the REAPI v2 messages here need: varints and length-delimited fields, written in field
order with defaults left out, as the canonical form in remote_execution.proto asks for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from envbuild.core.errors import StoreError
from envbuild.core.pattern import compile_later

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))  # a build asks for thousands
_SURROGATE = compile_later(r"\\u[dD][89a-fA-F]")


def varint(value: int) -> bytes:
    """A non-negative integer in base 128, least significant group first."""
    if 0 <= value <= 0x7F:
        return _ONE_BYTE[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer_field(number: int, value: int) -> bytes:
    """An integer or bool field; nothing for 0, the default."""
    return varint(number << 3 | _VARINT) + varint(value) if value else b""


def bytes_field(number: int, value: bytes) -> bytes:
    """A message, string or bytes field; nothing when empty."""
    return message_field(number, value) if value else b""


def message_field(number: int, value: bytes) -> bytes:
    """A message field that is present even when empty."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def text_field(number: int, value: str) -> bytes:
    """A string field; nothing when empty."""
    return bytes_field(number, value.encode())


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (number, value) pairs of a message, in the order written; raises StoreError."""
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _read_varint(data, at)
        else:
            size, at = _read_size(data, at, kind)
            value, at = data[at : at + size], at + size
            if at > len(data):
                raise StoreError("a protobuf message ends early")
        yield tag >> 3, value


def _read_size(data: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind == _BYTES:
        return _read_varint(data, at)
    if kind in (_FIXED64, _FIXED32):
        return (8 if kind == _FIXED64 else 4), at
    raise StoreError(f"a protobuf message has a field of the unknown wire type {kind}")


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise StoreError("a protobuf message ends early or holds an over-long number")


def canonical_json(value: object) -> bytes:
    """Sorted, compact UTF-8 JSON: one text per value, which tells null, "", [], 1 and "1" apart.

    Floats are refused: their text is no identity.
    """
    _refuse_floats(value)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def parse_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8 (RFC 8259), which anybody may have written; raises ValueError.

    That also meets nesting deeper than Python reads, numbers of thousands of digits, `NaN` and the
    like, and halves of surrogate pairs, which no UTF-8 can hold.
    """
    try:
        text = data.decode()
        value = json.loads(text, parse_constant=_refuse_constant)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no JSON")


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a float has no canonical form")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("canonical JSON has text keys only")
            _refuse_floats(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_floats(item)
