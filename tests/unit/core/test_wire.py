from __future__ import annotations

import pytest

from envbuild.core.errors import StoreError
from envbuild.core.wire import (
    bytes_field,
    canonical_json,
    fields,
    integer_field,
    message_field,
    parse_json,
    text_field,
    varint,
)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0, b"\0"),
        (1, b"\1"),
        (127, b"\x7f"),
        (128, b"\x80\1"),
        (300, b"\xac\2"),
        (2**63, b"\x80" * 9 + b"\1"),
    ],
)
def test_varints(value: int, data: bytes) -> None:
    assert varint(value) == data


def test_defaults_are_left_out_except_where_presence_counts() -> None:
    assert integer_field(1, 0) + bytes_field(2, b"") + text_field(3, "") == b""
    assert message_field(1, b"") == b"\x0a\0"


def test_fields_come_back_in_order() -> None:
    data = text_field(2, "b") + integer_field(1, 300) + text_field(2, "a")
    assert list(fields(data)) == [(2, b"b"), (1, 300), (2, b"a")]


def test_fixed_width_fields_are_passed_over() -> None:
    # We write none, but other writers may, in fields that we do not know.
    assert list(fields(b"\x09" + b"12345678" + b"\x15" + b"1234")) == [(1, b"12345678"), (2, b"1234")]


@pytest.mark.parametrize(
    "data",
    [b"\x80", b"\x0a", b"\x0a\x05abc", b"\x09123", b"\x0b", b"\x80" * 11, b"\x0a" + b"\xff" * 9 + b"\x7f"],
)
def test_a_message_that_ends_early_or_lies_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError):
        list(fields(data))


def test_canonical_json_is_sorted_compact_and_utf8() -> None:
    value = {"b": [1, True, None], "a": {"ü": "\u2028", "A": ()}}
    assert canonical_json(value) == '{"a":{"A":[],"ü":"\u2028"},"b":[1,true,null]}'.encode()


def test_values_that_look_alike_are_told_apart() -> None:
    values: list[object] = [None, "", [], {}, 0, False, "0", 1, True, "1", "null", [[]], [""]]
    values += [["ab", "c"], ["a", "bc"], ["abc"]]
    assert len({canonical_json(value) for value in values}) == len(values)
    words = [{"pip": "git"}, {"apt": "git"}, {"pip": ["git"]}]  # one word under two attributes
    assert len({canonical_json(value) for value in words}) == len(words)


def test_json_of_others_is_read() -> None:
    assert parse_json(b' {"a": [1, -2.5, "\\ud83d\\ude00", null]}') == {"a": [1, -2.5, "😀", None]}


NO_JSON = {
    "nothing": b"",
    "two values": b"1 2",
    "too deep": b"[" * 100_000,
    "too deep, and whole": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number that Python does not read": b"9" * 5000,
    "no number": b"[NaN]",
    "no end": b"-Infinity",
    "half a pair": b'["\\ud800"]',
    "half a pair as a key": b'{"a": {"\\uDFFF": 1}}',
    "no UTF-8": b'"\xff"',
    "UTF-16": '"a"'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a NUL": b"{}\0",
}


@pytest.mark.parametrize("data", NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_json_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each caller has its own words)
        parse_json(data)


@pytest.mark.parametrize("value", [1.0, [float("nan")], {"a": [0.5]}, {1: "a"}, {"a": {None: 1}}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)
