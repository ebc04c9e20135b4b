"""Wheels as layers: what the comparison with pip cannot show, and what is refused."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest

from envbuild.archive.layer import EPOCH
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import Kind
from envbuild.archive.wheel import CARRY_FROM, write_wheel_layer
from envbuild.archive.wheel_info import MAX_METADATA, MAX_RECORD
from envbuild.archive.zip_archive import LARGE
from envbuild.core.errors import ArchiveError
from tests.makers.wheels import Wheel, make_wheel, noise, sample_wheels
from tests.makers.zips import RawMember, assemble_zip, raw_deflate

SITE = "opt/env/lib/python3.11/site-packages"


def write(
    wheel: Wheel, *, prefix: str = "opt/env", epoch: int = EPOCH
) -> tuple[LayerInfo, dict[str, bytes | None]]:
    out = io.BytesIO()
    info = write_wheel_layer(
        io.BytesIO(wheel.data), out, file_name=wheel.file_name, prefix=prefix, python="3.11", epoch=epoch
    )
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        files = {m.name: file.read() if (file := archive.extractfile(m)) else None for m in archive}
    return info, files


def test_files_come_in_order_and_then_every_folder_above_them() -> None:
    # Also those above the prefix: engines make what a layer does not name with a mode of their own.
    info, files = write(sample_wheels()["plain"])
    assert list(files) == [
        f"{SITE}/plain-1.0.dist-info/INSTALLER",
        f"{SITE}/plain-1.0.dist-info/METADATA",
        f"{SITE}/plain-1.0.dist-info/RECORD",
        f"{SITE}/plain-1.0.dist-info/WHEEL",
        f"{SITE}/plain/__init__.py",
        f"{SITE}/plain/empty.py",
        "opt",
        "opt/env",
        "opt/env/lib",
        "opt/env/lib/python3.11",
        SITE,
        f"{SITE}/plain",
        f"{SITE}/plain-1.0.dist-info",
    ]
    assert {(e.mode, e.uid, e.gid) for e in info.entries if e.kind == Kind.DIRECTORY} == {(0o755, 0, 0)}


def test_scripts_run_the_interpreter_of_the_prefix() -> None:
    _, files = write(sample_wheels()["schemes"], prefix="srv/a")
    assert files["srv/a/bin/run-python"] == b"#!/srv/a/bin/python\nprint(1)\n"
    assert files["srv/a/bin/run-gui"] == b"#!/srv/a/bin/python\nprint(2)\n"
    assert files["srv/a/bin/run-sh"] == b"#!/bin/sh\necho 3\n"


def test_generated_scripts_call_what_the_entry_point_names() -> None:
    _, files = write(sample_wheels()["scripts"])
    script = files["opt/env/bin/with.dots-and_more"]
    assert script is not None
    assert script.startswith(b"#!/opt/env/bin/python\n")
    assert b"from scripts import App\n" in script
    assert b"sys.exit(App.run())" in script


def test_headers_lie_below_the_normalised_name() -> None:
    _, files = write(sample_wheels()["schemes"])
    assert "opt/env/include/site/python3.11/some-schemes/some.h" in files


def test_what_a_wheel_puts_below_lib64_lies_below_lib() -> None:
    # lib64 is a link of the environment's skeleton: a folder there would hide it.
    _, files = write(sample_wheels()["schemes"])
    assert files["opt/env/lib/linked.txt"] == b"lies in lib\n"
    assert "opt/env/lib64" not in files


def test_big_files_carry_their_streams_and_small_ones_do_not() -> None:
    wheel = sample_wheels()["big"]
    out = io.BytesIO()
    write_wheel_layer(io.BytesIO(wheel.data), out, file_name=wheel.file_name, prefix="opt/env", python="3.11")
    for size in (300_000, 3_000_000, CARRY_FROM):
        data = bytes(size) if size == 3_000_000 else noise(size)
        assert raw_deflate(data) in out.getvalue()
    assert raw_deflate(noise(CARRY_FROM - 1)) not in out.getvalue()


def test_the_entries_state_size_and_crc() -> None:
    info, files = write(sample_wheels()["big"])
    assert [entry.path for entry in info.entries] == list(files)
    for entry in info.entries:
        data = files[entry.path]
        assert (entry.kind == Kind.DIRECTORY) == (data is None)
        assert (entry.size, entry.crc32) == (len(data or b""), zlib.crc32(data or b""))


def test_the_epoch_is_the_time_of_all_entries() -> None:
    assert write(sample_wheels()["plain"], epoch=1)[0].digest != write(sample_wheels()["plain"])[0].digest


def test_the_order_of_a_wheel_s_members_is_irrelevant() -> None:
    files = {"some/a.py": b"a", "some/b.py": b"b" * 40_000, "some/c.py": b"c"}
    backwards = dict(reversed(files.items()))
    record = "some_order-1.0.dist-info/RECORD,,\n"
    one = make_wheel("some_order", files, record=record)
    two = make_wheel("some_order", backwards, record=record)
    assert one.data != two.data
    assert write(one)[0] == write(two)[0]


def metadata_members() -> list[RawMember]:
    texts = {"METADATA": b"", "WHEEL": b"Wheel-Version: 1.0\n", "RECORD": b""}
    return [
        RawMember(f"a-1.0.dist-info/{name}".encode(), text, len(text), zlib.crc32(text), method=0)
        for name, text in texts.items()
    ]


REFUSED = {
    "no zip": (Wheel("a-1.0-py3-none-any.whl", b"no zip"), "no end of a zip directory"),
    "not a wheel's name": (Wheel("a.zip", make_wheel("a", {}).data), "`a.zip` is not the name of a wheel"),
    "a wheel's name without a tag": (
        Wheel("a-1.0-py3-none.whl", make_wheel("a", {}).data),
        "`a-1.0-py3-none.whl` is not the name of a wheel",
    ),
    "a build number that is none": (
        Wheel("a-1.0-one-py3-none-any.whl", make_wheel("a", {}).data),
        "is not the name of a wheel",
    ),
    "another distribution": (
        Wheel("other-1.0-py3-none-any.whl", make_wheel("a", {}).data),
        "another distribution",
    ),
    "no metadata": (
        make_wheel("a", {"a.py": b""}, leave_out=("METADATA", "WHEEL", "RECORD")),
        "this one holds none",
    ),
    "two distributions": (
        make_wheel("a", {"b-1.0.dist-info/METADATA": b""}),
        "`a-1.0.dist-info`, `b-1.0.dist-info`",
    ),
    "a RECORD that leads out": (make_wheel("a", {}, record="../../etc/passwd,,\n"), "lies outside"),
    "a RECORD that begins at the root": (make_wheel("a", {}, record="/etc/passwd,,\n"), "lies outside"),
    "a RECORD with two hashes for one file": (
        make_wheel("a", {"a.py": b"1"}, record="a.py,sha256=x,1\na.py,sha256=y,1\n"),
        "lists `a.py` twice",
    ),
    "a RECORD with another size": (
        make_wheel("a", {"a.py": b"1"}, record="a.py,sha256=x,2\n"),
        "states another size for `a.py`",
    ),
    "a RECORD with lines without end": (make_wheel("a", {}, record="\n" * 1_000_001), "1000000 lines"),
    "a RECORD that is a bomb": (make_wheel("a", {}, record="x" * MAX_RECORD + "x"), "RECORD` is larger"),
    "a RECORD with a field without end": (make_wheel("a", {}, record='"' + "x" * 200_000), "malformed"),
    "a WHEEL that is a bomb": (
        make_wheel("a", {}, wheel_version="1.0\nX: " + "x" * MAX_METADATA),
        "WHEEL` is larger than 1048576 bytes",
    ),
    "entry points that are a bomb": (
        make_wheel("a", {}, entry_points="[x]\n" * MAX_METADATA),
        "entry_points.txt` is larger",
    ),
    "a script that is a bomb": (
        make_wheel("a", {"a-1.0.data/scripts/run": b"#!python\n" + bytes(LARGE)}),
        "script of more than",
    ),
    "an entry point with a control character": (
        make_wheel("a", {}, entry_points="[console_scripts]\nru\x1b[31mn = a:main\n"),
        "not a script name",
    ),
    "no WHEEL": (make_wheel("a", {}, leave_out=("WHEEL",)), "has no `a-1.0.dist-info/WHEEL`"),
    "no RECORD": (make_wheel("a", {}, leave_out=("RECORD",)), "has no `a-1.0.dist-info/RECORD`"),
    "no METADATA": (make_wheel("a", {}, leave_out=("METADATA",)), "has no `a-1.0.dist-info/METADATA`"),
    "another major version": (make_wheel("a", {}, wheel_version="2.0"), "version `2.0`"),
    "an unknown scheme": (make_wheel("a", {"a-1.0.data/etc/passwd": b""}), "scheme that wheels do not have"),
    "no scheme": (make_wheel("a", {"a-1.0.data/file": b""}), "no scheme's folder"),
    "a file that is a folder": (make_wheel("a", {"x": b"", "x/y": b""}), "is a file and a folder"),
    "an entry point without a function": (
        make_wheel("a", {}, entry_points="[console_scripts]\nrun = a\n"),
        "`run = a`",
    ),
    "an entry point that is code": (
        make_wheel("a", {}, entry_points="[console_scripts]\nrun = a:main();evil\n"),
        "module:attribute",
    ),
    "a script outside the folder": (
        make_wheel("a", {}, entry_points="[console_scripts]\n../../run = a:main\n"),
        "module:attribute",
    ),
    "a script named as the folder above": (
        make_wheel("a", {}, entry_points="[console_scripts]\n.. = a:main\n"),
        "not a path",
    ),
    "entry points that are none": (make_wheel("a", {}, entry_points="run = a:main\n"), "malformed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str) -> None:
    wheel, message = REFUSED[case]
    with pytest.raises(ArchiveError, match=message):
        write(wheel)


def test_names_that_differ_in_case_only_are_two_files() -> None:
    # Linux tells them apart, and packages for it use both.
    _, files = write(make_wheel("a", {"a/Name.py": b"1", "a/name.py": b"2"}))
    assert (files[f"{SITE}/a/Name.py"], files[f"{SITE}/a/name.py"]) == (b"1", b"2")


def test_a_version_file_of_mails_within_mails_is_read_by_its_headers() -> None:
    _, files = write(make_wheel("a", {}, wheel_version="1.0\n" + "Content-Type: message/rfc822\n\n" * 5000))
    assert f"{SITE}/a-1.0.dist-info/WHEEL" in files


def test_entry_points_that_are_no_text_are_refused() -> None:
    wheel = make_wheel("a", {"a-1.0.dist-info/entry_points.txt": b"\xff\xfe"})
    with pytest.raises(ArchiveError, match="not UTF-8"):
        write(wheel)


def test_a_stream_with_a_hidden_member_is_refused() -> None:
    # Readers of the layer would see a file that neither the listing nor the diff ID knows of.
    data = noise(40_000)
    footer = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    member = RawMember(b"a.bin", raw_deflate(data) + footer + b"junk", len(data), zlib.crc32(data))
    wheel = Wheel("a-1.0-py3-none-any.whl", assemble_zip([member, *metadata_members()]))
    with pytest.raises(ArchiveError, match="not its own"):
        write(wheel)


# VmHWM and not `ru_maxrss`: that one starts at what the parent had.
MEASURE = """
import sys
from pathlib import Path
from envbuild.archive.wheel import write_wheel_layer
path = Path(sys.argv[1])
with path.open("rb") as wheel, (path.parent / "layer").open("wb") as out:
    write_wheel_layer(wheel, out, file_name=path.name, prefix="opt/env", python="3.11")
print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM")))
"""


def test_memory_stays_bounded_with_large_files(tmp_path: Path) -> None:
    large = noise(1 << 20) * 100
    crc = zlib.crc32(large)
    codec = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
    stream = codec.compress(large) + codec.flush()
    members = [
        *metadata_members(),
        RawMember(b"deflated.bin", stream, len(large), crc),
        RawMember(b"stored.bin", large, len(large), crc, method=0),
        # Blocks that hold nothing, and then one byte.
        RawMember(b"blocks.bin", b"\0\0\0\xff\xff" * (14 << 20) + raw_deflate(b"x"), 1, zlib.crc32(b"x")),
    ]
    path = tmp_path / "a-1.0-py3-none-any.whl"
    path.write_bytes(assemble_zip(members))
    command = [sys.executable, "-c", MEASURE, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(result.stdout) < 60_000
