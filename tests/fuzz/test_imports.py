"""What `envbuild import` reads of other tools: pylock.toml, MLproject, and what lies in a conda prefix."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given

from envbuild.build.imports.draft import Draft
from envbuild.build.imports.mlproject import read_mlproject
from envbuild.build.imports.prefix import read_prefix
from envbuild.build.imports.pylock import read_pylock
from envbuild.spec.requirement_line import parse_pinned
from tests.makers.documents import documents, read_or_say
from tests.makers.mutants import fuzz, mutants

PYLOCK = b"""lock-version = "1.0"
requires-python = ">=3.9"
created-by = "a tool"
[[packages]]
name = "six"
version = "1.16.0"
marker = "python_version > '3'"
wheels = [{name = "six-1.16.0-py3-none-any.whl", url = "https://h.example/six-1.16.0-py3-none-any.whl", \
hashes = {sha256 = "0000000000000000000000000000000000000000000000000000000000000000"}}]
[[packages]]
name = "own"
archive = {url = "https://h.example/own-1.0-py3-none-any.whl", \
hashes = {sha256 = "0000000000000000000000000000000000000000000000000000000000000000"}}
"""
PROJECT = {"name": "tutorial", "python_env": "python_env.yaml", "entry_points": {"main": {"command": "x"}}}
RECORD = {
    "name": "zlib",
    "url": "https://h.example/c/linux-64/zlib-1.2-0.conda",
    "sha256": "0" * 64,
    "files": ["lib/libz.so"],
}
ORIGIN = {
    "url": "https://h.example/own-1.0-py3-none-any.whl",
    "archive_info": {"hash": f"sha256={'0' * 64}", "hashes": {"sha256": "0" * 64}},
}
METADATA = b"Metadata-Version: 2.1\nName: own\nVersion: 1.0\nRequires-Dist: six\n\nText\n"


def check(draft: Draft | None) -> None:
    """What is written must be read again."""
    for line in draft.pinned if draft else ():
        assert parse_pinned(line).text == line
    for line in draft.explicit if draft else ():
        assert line.isprintable()


def read_made(record: bytes, metadata: bytes, origin: bytes) -> Draft | None:
    with TemporaryDirectory() as folder:
        info = Path(folder, "lib/python3.11/site-packages/own-1.0.dist-info")
        info.mkdir(parents=True)
        (info / "METADATA").write_bytes(metadata)
        (info / "direct_url.json").write_bytes(origin)
        meta = Path(folder, "conda-meta")
        meta.mkdir()
        (meta / "zlib-1.2-0.json").write_bytes(record)
        return read_or_say(lambda: read_prefix(Path(folder), ()))


@fuzz
@given(mutants(PYLOCK))
def test_pylock(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pylock.toml"
        path.write_bytes(data)
        check(read_or_say(lambda: read_pylock(path, "pylock.toml")))


@fuzz
@given(documents(PROJECT))
def test_mlproject(data: bytes) -> None:
    read_or_say(lambda: read_mlproject(data, "MLproject"))


@fuzz
@given(documents(RECORD), mutants(METADATA), documents(ORIGIN))
def test_a_prefix(record: bytes, metadata: bytes, origin: bytes) -> None:
    whole = json.dumps(RECORD).encode(), METADATA, json.dumps(ORIGIN).encode()
    check(read_made(record, *whole[1:]))
    check(read_made(whole[0], metadata, whole[2]))
    check(read_made(*whole[:2], origin))


def test_what_nobody_changed_is_read(tmp_path: Path) -> None:
    found = read_made(json.dumps(RECORD).encode(), METADATA, json.dumps(ORIGIN).encode())
    assert found is not None
    assert found.pinned == (f"own @ {ORIGIN['url']}#sha256={'0' * 64}",)
    (tmp_path / "pylock.toml").write_bytes(PYLOCK)
    assert len(read_pylock(tmp_path / "pylock.toml", "pylock.toml").pinned) == 2
    assert read_mlproject(json.dumps(PROJECT).encode(), "MLproject").files == ("python_env.yaml",)
