"""A package whose bytes are changed anywhere becomes a layer or a clear error, never another exception."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.deb import write_deb_layer
from envbuild.archive.debian_state import write_state_layer
from envbuild.archive.subject_hash import subject_hash
from envbuild.core.errors import ArchiveError, SourceError
from envbuild.sources.debian_index import DebianIndex, parse_packages
from envbuild.sources.debian_release import parse_release
from tests.makers.certificates import ODD
from tests.makers.debian import Deb, entry, folder, link

# Uncompressed, so that changes reach the tars; the compressed forms have tests of their own.
DEB = Deb(
    "base-passwd",
    entries=[
        folder("./bin/"),
        entry("./bin/" + "n" * 120, b"x" * 700),
        link("./usr/lib", "lib64"),
        entry("./usr/share/base-passwd/passwd.master", b"root:*:0:0:root:/root:/bin/sh\n"),
    ],
    scripts={"postinst": "update-alternatives --install /usr/bin/x x /usr/bin/y 1\n"},
    suffix="",
).build()

changes = st.lists(st.tuples(st.integers(0, len(DEB) - 1), st.integers(0, 255)), min_size=1, max_size=8)


def outcome(read: Callable[[], object]) -> str:
    """What a reader says: "read", or its error's text; every other exception is its fault."""
    try:
        read()
    except (ArchiveError, SourceError) as error:
        return error.message
    return "read"


@given(changes, st.integers(0, len(DEB)))
def test_changed_bytes(changed: list[tuple[int, int]], kept: int) -> None:
    data = bytearray(DEB)
    for at, value in changed:
        data[at] = value
    for mutant in (bytes(data), bytes(data[:kept])):
        assert outcome(partial(write_deb_layer, io.BytesIO(mutant), io.BytesIO()))
        assert outcome(partial(write_state_layer, [io.BytesIO(mutant)], io.BytesIO()))


@given(st.integers(30, len(ODD) - 30), st.binary(min_size=1, max_size=4))
def test_changed_certificate(at: int, patch: bytes) -> None:
    assert outcome(lambda: subject_hash(ODD[:at] + patch + ODD[at + len(patch) :]))


LINES = st.sampled_from(
    [
        "Package: a",
        "Version: 1",
        "Filename: a",
        "SHA256: a",
        "Size: 1",
        "Size: x",
        "Provides: b (= 1",
        "",
        " x",
        "\t",
    ]
)


def read_everything(text: str) -> None:
    index = DebianIndex(parse_packages(text))
    for name in index.names:
        for package in index.versions(name):
            package.depends()


@given(st.lists(LINES | st.text(max_size=20)))
def test_any_index(lines: list[str]) -> None:
    assert outcome(lambda: read_everything("\n".join(lines)))


@given(
    st.text() | st.lists(LINES).map("\n".join),
    st.sampled_from(["", "Date: x\n", "Valid-Until: Sat, 99 Jan\n"]),
)
def test_any_release(text: str, head: str) -> None:
    assert outcome(lambda: parse_release(f"{head}{text}\nSHA256:\n {'a' * 64} 1 x\n"))
