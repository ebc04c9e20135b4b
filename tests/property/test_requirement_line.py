"""Reading plain requirements at once gives what reading any requirement gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.errors import SpecError
from envbuild.spec.requirement_line import Pinned, _read_any, _read_plain

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,6}[A-Za-z0-9])?", fullmatch=True)
EXTRAS = st.lists(st.sampled_from(["fast", "all-of-it", "x2"]), max_size=3).map(
    lambda names: f"[{','.join(names)}]" if names else ""
)
RELEASES = ["1", "1.0", "1.00", "01", "2.31.0", "0", "0.0", "01.2", "2024.1"]
NUMBERS = st.sampled_from([*RELEASES, "1.*", "1.0.*", "01.*", "0.66b2", "1rc0", "1b2", "1.0b2", "1.0b02"])
CLAUSES = st.tuples(st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~=", "==="]), NUMBERS).map("".join)
VERSIONS = st.lists(CLAUSES, max_size=4).map(",".join)
MARKERS = st.sampled_from(
    ["", '; extra == "fast"', '; extra == "all-of-it"', "; extra == 'fast'", '; os_name == "nt"']
)
TEXTS = st.tuples(NAMES, EXTRAS, VERSIONS, MARKERS).map("".join)
# What is nearly plain: cut, doubled or spoilt at one place.
SPOILT = st.tuples(
    TEXTS, st.integers(0, 30), st.sampled_from(["", " ", ",", "-", "*", "1", "\n", "é", ";"])
).map(lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] :])


def facts(pinned: Pinned) -> tuple[object, ...]:
    return pinned.text, pinned.name, pinned.extras, pinned.gate, pinned.hashes, str(pinned.requirement)


@given(TEXTS | SPOILT)
def test_both_readers_agree(text: str) -> None:
    """And the quick one takes nothing that the other refuses."""
    plain = _read_plain(text)
    try:
        expected = _read_any(text)
    except SpecError:
        assert plain is None
        return
    assert plain is None or facts(plain) == facts(expected)


@given(st.lists(st.sampled_from(["!=5.26.*", "!=5.29.0", "!=5.29.1", "<8.0", ">=4.25.8b1"]), unique=True))
def test_several_exceptions_are_plain(clauses: list[str]) -> None:
    assert _read_plain("protobuf" + ",".join(clauses)) is not None


@given(NAMES, EXTRAS, CLAUSES.filter(lambda text: not {"=", "*"} & set(text)))
def test_most_requirements_are_plain(name: str, extras: str, clause: str) -> None:
    assert _read_plain(f"{name}{extras}{clause}") is not None
