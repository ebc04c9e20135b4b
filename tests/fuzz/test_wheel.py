"""Wheels with changed bytes or lying metadata become a layer that holds together, or are refused."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.wheel import write_wheel_layer
from tests.makers.mutants import fuzz, mutants, read_or_refuse
from tests.makers.reread import check_layer
from tests.makers.wheels import File, Wheel, make_wheel, noise, sample_wheels

SCRIPTS = sample_wheels()["scripts"]
CARRIED = make_wheel("big", {"big/library.so": File(noise(20_000), 0o100755), "big/x": b"x"})
FILE_NAME = SCRIPTS.file_name

RECORD = "a.py,sha256=abc,1\na-1.0.data/scripts/run,,\na-1.0.dist-info/RECORD,,\n"
POINTS = "[console_scripts]\nrun = a:main\npip = a:App.run [extra]\n[gui_scripts]\nwindow = a:main\n"
VERSION = "1.0\nRoot-Is-Purelib: true\nContent-Type: message/rfc822\n"
ODD = st.sampled_from("\n\r\0\x1b[]=:;,\"' /.\\#%\u2028é\U0001f600") | st.characters(
    exclude_categories=["Cs"]
)
PATHS = st.sampled_from(
    ["a.py", "A.py", "a", "a/b", "a-1.0.data/scripts/run", "a-1.0.data/data/lib64/x", "a-1.0.data/headers/h",
     "a-1.0.data/purelib/a.py", "a-1.0.data/../x", "a-1.0.data/x", "b-1.0.data/data/bin/run",
     "a-1.0.dist-info/INSTALLER",
     "a-1.0.dist-info/RECORD", "b-1.dist-info/x", "../x", "/x", "x/" * 130 + "x", "n" * 256, "\x1b[31m"]
) | st.text(ODD, max_size=8)  # fmt: skip
CONTENTS = st.sampled_from([b"", b"x", b"#!python\nx", b"#!pythonw", b"#!python" + noise(20_000)])


def texts(text: str) -> st.SearchStrategy[str]:
    """The text with characters of it replaced."""
    edits = st.lists(
        st.tuples(st.integers(0, len(text)), st.integers(0, 3), st.text(ODD, max_size=4)), max_size=5
    )
    return edits.map(lambda changes: _edit(text, changes)) | st.text(ODD, max_size=60)


def _edit(text: str, changes: list[tuple[int, int, str]]) -> str:
    for at, cut, new in changes:
        text = text[:at] + new + text[at + cut :]
    return text


def check(wheel: Wheel) -> LayerInfo | None:
    """Write the wheel's layer and look at it; gives None where the wheel is refused."""
    out = io.BytesIO()
    info = read_or_refuse(
        lambda: write_wheel_layer(
            io.BytesIO(wheel.data), out, file_name=wheel.file_name, prefix="opt/env", python="3.11"
        )
    )
    if info:
        check_layer(out.getvalue(), info)
        assert all(f"{entry.path}/".startswith("opt/") for entry in info.entries)
        # What a stream holds, and for each record of the zip an entry with its folders.
        assert info.uncompressed <= 1032 * len(wheel.data) + 128 * 6000 * (len(wheel.data) // 46)
    return info


@fuzz
@given(
    mutants(SCRIPTS.data, marks=[at for at in range(len(SCRIPTS.data)) if SCRIPTS.data[at : at + 2] == b"PK"])
)
def test_changed_bytes(data: bytes) -> None:
    check(Wheel(SCRIPTS.file_name, data))


@fuzz
@given(mutants(CARRIED.data, limit=2))
def test_changed_streams(data: bytes) -> None:
    check(Wheel(CARRIED.file_name, data))


@fuzz
@given(st.dictionaries(PATHS, CONTENTS, max_size=4), texts(POINTS), texts(VERSION), st.none() | texts(RECORD))
def test_metadata_that_lies(files: dict[str, bytes], points: str, version: str, record: str | None) -> None:
    check(make_wheel("a", files, entry_points=points, wheel_version=version, record=record))


@fuzz
@given(texts("a-1.0-py3-none-any.whl"))
def test_any_file_name(name: str) -> None:
    check(Wheel(name, make_wheel("a", {"a.py": b"1"}).data))


def test_what_nobody_changed_is_written() -> None:
    assert all(map(check, sample_wheels().values()))
    assert check(CARRIED)
    files = {"a.py": b"1", "a-1.0.data/scripts/run": b"#!python\n"}
    assert check(make_wheel("a", files, entry_points=POINTS, wheel_version=VERSION, record=RECORD))
