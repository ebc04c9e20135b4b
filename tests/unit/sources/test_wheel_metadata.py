"""Size and METADATA of wheels, by as few bytes as possible, and from any server."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.wheel_metadata import WheelMetadata, metadata_cache, peek_wheel, read_wheel_metadata
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.zips import RawMember, assemble_zip, deflated, raw_deflate

BIG = b"\xa5" * 300_000


def peek(index: FakeIndex, file: str) -> WheelMetadata:
    http = HttpClient(patience=Patience(pause=0.01, attempts=2))
    return peek_wheel(http, f"{index.origin}/files/{file}", {})


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("metadata_first", [True, False])
@pytest.mark.parametrize("payload", [b"", BIG])
def test_peek(ranges: bool, metadata_first: bool, payload: bytes) -> None:
    name, data = make_package("app", requires=["dep"], payload=payload, metadata_first=metadata_first)
    with run_index((name, data)) as index:
        index.ranges = ranges
        found = peek(index, name)
        requests = len(index.requests)
    assert (found.size, found.values("Requires-Dist"), found.values("Name")) == (
        len(data),
        ("dep",),
        ("app",),
    )
    # One request where METADATA lies at the end, as build tools put it.
    assert requests == (1 if ranges and not (payload and metadata_first) else 2)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("data", [b"", b"no zip", make_package("app")[1][:-30], BIG])
def test_files_that_are_no_wheels(ranges: bool, data: bytes) -> None:
    with run_index(("app-1.0-py3-none-any.whl", data)) as index:
        index.ranges = ranges
        with pytest.raises(SourceError, match="is no wheel"):
            peek(index, "app-1.0-py3-none-any.whl")


# Anything but a refusal would be a crash, or a wrong lock that is remembered.
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_any_damage_is_refused_or_harmless(method: int, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(make_package("app")[1])) as plain,
        zipfile.ZipFile(packed, "w") as archive,
    ):
        for info in plain.infolist():
            archive.writestr(info, plain.read(info), method)
    path, data = tmp_path / "app-1.0-py3-none-any.whl", packed.getvalue()
    path.write_bytes(data)
    right, refused = read_wheel_metadata(path), 0
    for position in range(len(data)):
        for flipped in (0xFF, 0x01):
            damaged = bytearray(data)
            damaged[position] ^= flipped
            path.write_bytes(damaged)
            try:
                assert read_wheel_metadata(path) == right
            except SourceError:
                refused += 1
    assert refused > len(data) / 2 - len(right.text)


# Python's zipfile unpacks these without bounds, and no wheel may hold them.
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_is_refused(method: int, tmp_path: Path) -> None:
    path = tmp_path / "app-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("app-1.0.dist-info/METADATA", "Name: app\n")
    with pytest.raises(SourceError, match="is no wheel"):
        read_wheel_metadata(path)


# A number of thousands of digits is more than Python reads.
def test_a_server_that_states_an_endless_size() -> None:
    name, data = make_package("app")
    endless = {"Content-Range": f"bytes 0-{len(data) - 1}/{'9' * 5000}"}

    def answer(asked: Asked) -> Answer:
        return Answer(206, data, endless) if "range" in asked.headers else Answer(200, data)

    with open_gate(Gate("", before=answer)) as gate:
        assert peek_wheel(HttpClient(), f"http://{gate.host}/{name}", {}).size == len(data)


MEASURE = """
import sys
from pathlib import Path
from envbuild.core.errors import SourceError
from envbuild.sources.wheel_metadata import read_wheel_metadata
try:
    read_wheel_metadata(Path(sys.argv[1]))
except SourceError as error:
    print(error.message)
print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM")))
"""


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    # It states ten bytes, and holds 512 MiB.
    bomb = RawMember(b"a-1.0.dist-info/METADATA", raw_deflate(bytes(512 << 20)), 10, 1)
    path = tmp_path / "a-1.0-py3-none-any.whl"
    path.write_bytes(assemble_zip([bomb]))
    command = [sys.executable, "-c", MEASURE, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    message, peak = result.stdout.splitlines()
    assert message == f"`{path.name}` is no wheel: it has no readable METADATA"
    assert int(peak) < 100_000


def test_an_offset_that_no_file_has(tmp_path: Path) -> None:
    honest = deflated("a.py", b"")
    metadata = deflated("a-1.0.dist-info/METADATA", b"Name: a\n").but(zip64=True, offset=(1 << 64) - 1)
    path = tmp_path / "a-1.0-py3-none-any.whl"
    path.write_bytes(assemble_zip([honest, metadata]))
    with pytest.raises(SourceError, match="no readable METADATA"):
        read_wheel_metadata(path)


# The length is locked, so one that the file's own offsets contradict is no answer.
def test_a_length_that_is_not_the_file_s() -> None:
    name, data = make_package("app")
    with run_index((name, bytes(7) + data)) as index, pytest.raises(SourceError, match="is no wheel"):
        peek(index, name)


def test_a_server_that_fails() -> None:
    with run_index(make_package("app")) as index:
        index.statuses["app-1.0-py3-none-any.whl"] = 403
        with pytest.raises(SourceError, match="403"):
            peek(index, "app-1.0-py3-none-any.whl")


def test_local_files(tmp_path: Path) -> None:
    name, data = make_package("app", requires=["a", "b; extra == 'x'"])
    (tmp_path / name).write_bytes(data)
    found = read_wheel_metadata(tmp_path / name)
    assert (found.size, found.values("Requires-Dist")) == (len(data), ("a", "b; extra == 'x'"))


def test_the_cache_asks_once_and_survives_broken_files(tmp_path: Path) -> None:
    asked = []

    def load() -> WheelMetadata:
        asked.append(1)
        return WheelMetadata(5, "Name: app\n")

    cache = metadata_cache(tmp_path / "cache")
    assert cache.get("ab", load) == cache.get("ab", load) == WheelMetadata(5, "Name: app\n")
    assert len(asked) == 1
    for n, broken in enumerate([b'["5', b"[" * 100_000, b'[5, "\\ud800"]', b"[5, " + b"5" * 5000], 2):
        (tmp_path / "cache/ab.json").write_bytes(broken)
        assert cache.get("ab", load).size == 5
        assert len(asked) == n


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = metadata_cache(tmp_path / "file")
    assert cache.get("ab", lambda: WheelMetadata(1, "")).size == 1
