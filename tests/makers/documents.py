"""Documents that nobody means well with: parts are exchanged, or a parser gives up on them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from hypothesis import strategies as st

from envbuild.core.errors import EnvbuildError
from envbuild.ui.failure import render_failure
from tests.makers.mutants import T, mutants

Json = Any

# What passes for a line of ours where it is shown as it is.
LIE: Final = "\nhint: run this"
_TEXTS = (
    *("", "/", "..", "../../etc/passwd", "\\", "true", "1", "a" * 5000, "9" * 5000, "sha256:" + "0" * 64),
    *(LIE, "\x1b[2J", "\x1b]0;title\x07", "\u202egnp.exe", "\ud800", "\0"),
    *("http://[", "https://me:pw@host.example/"),
)
TEXTS: Final = st.sampled_from(_TEXTS) | st.text(max_size=6)
_DIGITS, _DEEP = "@digits", "@deep"  # stand for what Python itself cannot write
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from([_DIGITS, _DEEP])
VALUES: Final = st.recursive(
    _SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=6,
)
ABSURD: Final = [
    *(b"", b"null", b"[]", b"{}", b'""', b"0", b"\0", b"\xff", b"\xef\xbb\xbf{}", b"{}{}", b'{"a":1,"a":2}'),
    *(b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"-" + b"9" * 5000),
    *(b"NaN", b"-Infinity", b"1e999", b'"\\ud800"', b'{"\\udfff": {}}', '{"a": 1}'.encode("utf-16")),
    *(b"\x1b[2J", b"<html>", b'"' + b"a" * 100_000, b"\n" * 100_000),
]


@st.composite
def altered(draw: st.DrawFn, document: Json) -> Json:
    """The document with up to three of its parts exchanged, taken away or new."""
    whole = {"": copy.deepcopy(document)}
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(list(_places(whole))))
        change = draw(st.sampled_from(["set", "set", "set", "drop", "add"]))
        if change == "set":
            container[key] = draw(VALUES)
        elif change == "drop" and container is not whole:
            del container[key]
        elif isinstance(container, list):
            container.append(draw(VALUES))
        elif container is not whole:
            container[draw(TEXTS)] = draw(VALUES)
    return whole[""]


def documents(document: Json) -> st.SearchStrategy[bytes]:
    """JSON texts that look like this document, more or less."""
    return (
        altered(document).map(to_json)
        | mutants(json.dumps(document).encode())
        | st.sampled_from(ABSURD)
        | VALUES.map(to_json)
    )


def words(*known: str, most: int = 12) -> st.SearchStrategy[str]:
    """Texts of these words, in any order and amount, among others."""
    return st.lists(st.sampled_from(known) | TEXTS, max_size=most).map("".join)


def to_json(value: Json) -> bytes:
    """The value as JSON, surrogates escaped, and the stand-ins for absurd values put right."""
    deep = "[" * 100_000 + "]" * 100_000
    return json.dumps(value).replace(f'"{_DIGITS}"', "9" * 5000).replace(f'"{_DEEP}"', deep).encode()


def read_or_say(read: Callable[[], T], kind: type[EnvbuildError] = EnvbuildError) -> T | None:
    """What `read` gives, None where it refuses with an error of this kind that can be shown as it is."""
    try:
        return read()
    except kind as error:
        shown = render_failure(error, color=False)
        assert LIE not in shown
        assert len(shown) < 20_000
        return None


def _places(container: Json) -> Iterator[tuple[Json, Any]]:
    """Every item of every container, as the container and the item's key."""
    keys = range(len(container)) if isinstance(container, list) else list(container)
    for key in keys:
        yield container, key
        if isinstance(container[key], (list, dict)):
            yield from _places(container[key])
