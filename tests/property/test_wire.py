from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import EnvbuildError
from envbuild.core.wire import canonical_json, fields, integer_field, text_field

digests = st.builds(Digest.of, st.binary(max_size=8))
texts = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def same(left: object, right: object) -> bool:
    """Equality that tells True from 1, as JSON does."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    return type(left) is type(right) and left == right


def backwards(value: Any) -> Any:
    """The same value with every dict in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


@given(values)
def test_canonical_json_loses_nothing(value: object) -> None:
    assert same(json.loads(canonical_json(value)), value)


@given(values, values)
def test_canonical_json_is_equal_for_equal_values_only(left: object, right: object) -> None:
    assert (canonical_json(left) == canonical_json(right)) is same(left, right)


@given(values)
def test_the_order_of_dicts_is_irrelevant(value: object) -> None:
    assert canonical_json(backwards(value)) == canonical_json(value)


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(1, 2**64 - 1) | st.text(min_size=1))))
def test_fields_are_read_back(pairs: list[tuple[int, int | str]]) -> None:
    data = b""
    expected: list[tuple[int, int | bytes]] = []
    for number, value in pairs:
        if isinstance(value, int):
            data += integer_field(number, value)
            expected.append((number, value))
        else:
            data += text_field(number, value)
            expected.append((number, value.encode()))
    assert list(fields(data)) == expected


@given(st.dictionaries(st.text(min_size=1), digests, max_size=5))
def test_results_are_read_back(outputs: dict[str, Digest]) -> None:
    result = ActionResult(outputs)
    assert ActionResult.decode(result.encode()) == result


@given(st.binary(max_size=60))
def test_any_bytes_are_a_result_or_an_error(data: bytes) -> None:
    # What an action cache answers is not to be trusted.
    try:
        result = ActionResult.decode(data)
    except EnvbuildError:
        return
    assert all(path and len(digest.hash) == 64 for path, digest in result.outputs.items())


@given(st.dictionaries(st.text(min_size=1), digests, min_size=1, max_size=3), st.data())
def test_a_result_cut_short_is_never_taken_for_the_whole(
    outputs: dict[str, Digest], data: st.DataObject
) -> None:
    whole = ActionResult(outputs).encode()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with suppress(EnvbuildError):
        assert ActionResult.decode(cut).outputs != outputs
