"""Debian packages whose bytes, headers or control files are changed, at each of their layers."""

from __future__ import annotations

import io
import struct
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.deb import MAX_CONTROL, read_control, write_deb_layer
from envbuild.archive.debian_state import write_state_layer
from envbuild.archive.maintainer_scripts import script_effects
from envbuild.archive.subject_hash import subject_hash
from tests.makers.certificates import ODD
from tests.makers.debian import COMPRESSIONS, Deb, entry, folder, link, make_ar, make_tar, mend_sums
from tests.makers.layers import sample_debs
from tests.makers.mutants import fuzz, mutants, read_or_refuse
from tests.makers.reread import check_layer

SCRIPT = (
    "#!/bin/sh\nupdate-alternatives --install /usr/bin/x x /usr/bin/y 1 --slave /a b /c\n"
    "if true; then mkdir /x; fi\n"
)
ENTRIES = [
    folder("./bin/"),
    entry("./bin/" + "n" * 120, b"x" * 700),
    entry("./usr/a", b"a"),
    entry("./usr/hard", type=tarfile.LNKTYPE, linkname="./usr/a"),
    link("./usr/lib", "lib64"),
    entry("./usr/share/base-passwd/passwd.master", b"root:*:0:0:root:/root:/bin/sh\n"),
]
CONTROL = make_tar(
    [entry("./control", b"Package: x\n"), entry("./postinst", SCRIPT.encode()), entry("./md5sums")]
)
DATA = make_tar(ENTRIES)[: 512 * 20]
PACKED = {suffix: compress(DATA) for suffix, compress in COMPRESSIONS.items()}
# Where the fields of tar's headers lie: name, mode, owners, size, type, link, magic, prefix.
FIELDS = [
    base + at for base in range(0, len(DATA), 512) for at in (0, 100, 108, 124, 148, 156, 157, 257, 345)
]


def pack(data: bytes, control: bytes = CONTROL, suffix: str = "") -> bytes:
    members = [("debian-binary", b"2.0\n"), ("control.tar", control), (f"data.tar{suffix}", data)]
    return make_ar(members)


def check(deb: bytes) -> bool:
    """Write the package's layer and that of its state; gives whether neither was refused."""
    layer, state = io.BytesIO(), io.BytesIO()
    written = read_or_refuse(lambda: write_deb_layer(io.BytesIO(deb), layer))
    if written:
        check_layer(layer.getvalue(), written)
    stated = read_or_refuse(lambda: write_state_layer([io.BytesIO(deb)], state))
    if stated:
        check_layer(state.getvalue(), stated)
        control = read_control(io.BytesIO(deb))
        assert sum(map(len, control.values())) <= MAX_CONTROL
        assert all(map(str.isprintable, script_effects(control)))
    return bool(written and stated)


@fuzz
@given(mutants(pack(DATA), marks=[8, 68, 136]))
def test_changed_bytes(deb: bytes) -> None:
    check(deb)


@fuzz
@given(mutants(DATA, marks=FIELDS))
def test_changed_headers_of_files(data: bytes) -> None:
    check(pack(mend_sums(data)))


@fuzz
@given(mutants(CONTROL, marks=FIELDS[:27]))
def test_changed_control_files(control: bytes) -> None:
    check(pack(DATA, mend_sums(control)))


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_changed_streams(suffix: str) -> None:
    @fuzz
    @given(mutants(PACKED[suffix], marks=[0, len(PACKED[suffix]) - 30]))
    def changed(data: bytes) -> None:
        check(pack(data, suffix=suffix))

    changed()


RECORDS = st.sampled_from(
    ["path", "linkpath", "size", "uid", "gid", "mtime", "GNU.sparse.major", "hdrcharset", "x"]
)
VALUES = st.sampled_from(
    [
        "",
        "-1",
        "0",
        "1",
        "1e9",
        "9" * 30,
        "../x",
        "/x",
        "./usr/a",
        "a\0b",
        "BINARY",
        "a/" * 200,
        "\ud800",
        "\uff11",
    ]
) | st.text(max_size=6)
EXTENDED = st.dictionaries(RECORDS, VALUES, max_size=4)


def extended_header(records: dict[str, str], kind: bytes) -> bytes:
    body = b"".join(encode_record(f" {key}={value}\n") for key, value in records.items())
    info, _ = entry("././@PaxHeader", type=kind, size=len(body))
    return info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)


def encode_record(text: str) -> bytes:
    body = text.encode("utf-8", "surrogatepass")
    length = next(n for n in range(len(body), len(body) + 9) if len(str(n)) + len(body) == n)
    return b"%d%b" % (length, body)


@fuzz
@given(
    st.lists(st.tuples(EXTENDED, st.sampled_from([b"x", b"x", b"x", b"g", b"L", b"K"])), max_size=4),
    st.sampled_from(range(0, len(DATA), 512)),
)
def test_extended_headers(headers: list[tuple[dict[str, str], bytes]], at: int) -> None:
    extra = b"".join(extended_header(records, kind) for records, kind in headers)
    check(pack(DATA[:at] + extra + DATA[at:]))


@fuzz
@given(st.text(st.sampled_from("\n\t \\'\"#!;&|(){}<>$`-=/.1a") | st.characters(exclude_categories=["Cs"])))
def test_any_maintainer_script(text: str) -> None:
    script = SCRIPT + "update-alternatives --install " + text
    check(Deb("x", scripts={"postinst": script, "preinst": text}, suffix="").build())


@fuzz
@given(mutants(ODD))
def test_changed_certificates(certificate: bytes) -> None:
    digits = read_or_refuse(lambda: subject_hash(certificate))
    assert digits is None or struct.unpack("<L", bytes.fromhex(digits))


def test_what_nobody_changed_is_written() -> None:
    assert check(pack(DATA))
    assert check(pack(mend_sums(DATA), mend_sums(CONTROL)))
    assert all(check(pack(PACKED[suffix], suffix=suffix)) for suffix in COMPRESSIONS)
    assert all(check(deb.build()) for deb in sample_debs())
    assert subject_hash(ODD)
