"""What channels send: an index of shards, and what locks are told of packages, changed anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgpack
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.conda_activation import PREFIX, read_assignments
from envbuild.core.digest import Digest
from envbuild.core.events import Silent
from envbuild.core.platform import Platform
from envbuild.lock.artifact_codec import decode_artifact, encode_artifact
from envbuild.lock.model import CondaQuestion, Locked
from envbuild.lock.resolve.conda_rattler import CondaResolver
from envbuild.sources.channel import Address, Channels
from envbuild.sources.channel_index import ChannelIndexes
from envbuild.sources.channel_shards import Shards, read_index
from envbuild.sources.http import HttpClient
from envbuild.spec.conda.model import ExactPackage
from tests.makers.documents import documents
from tests.makers.mutants import fuzz, mutants, read_or_refuse

URL = "https://c.example/ours/linux-64/repodata_shards.msgpack.zst"
INDEX = {"info": {"subdir": "linux-64", "base_url": "", "shards_base_url": "./shards/"},
         "shards": {"tool": b"\xab" * 32, "lib": b"\xcd" * 32}}  # fmt: skip
RECORD = {"build": "py311_0", "build_number": 1, "depends": ["lib >=1"], "constrains": ["x <2"],
          "license": "MIT", "md5": "ab" * 16, "name": "tool", "noarch": "python", "sha256": "cd" * 32,
          "size": 9, "subdir": "linux-64", "timestamp": 1, "track_features": "", "version": "1"}  # fmt: skip
SHARD = {"packages": {}, "packages.conda": {"tool-1-py311_0.conda": RECORD}, "removed": []}
REPODATA = {"info": {"subdir": "linux-64"}, "packages": {}, "packages.conda": {
    "tool-1-py311_0.conda": {**RECORD, "depends": []}}}  # fmt: skip


class Absent:
    """Packages of which nothing more is known."""

    def measure(self, channel: str, file: str, md5: str) -> tuple[str, int]:
        return "ab" * 32, 1

    def paths(self, package: Locked) -> Sequence[str]:
        return ()

    def scripts(self, package: Locked, paths: Collection[str]) -> Mapping[str, str]:
        return {}

    def index(self, exact: ExactPackage) -> tuple[Mapping[str, bytes], Digest]:
        return {}, Digest.of(b"")


def pack(value: object) -> bytes:
    return zstandard.compress(msgpack.packb(value))


@fuzz
@given(mutants(pack(INDEX)) | mutants(msgpack.packb(INDEX)).map(zstandard.compress))
def test_an_index_of_shards(data: bytes) -> None:
    index = read_or_refuse(lambda: read_index(data, URL))
    if index:
        assert index["url"].startswith(("https://", "http://"))
        assert all(len(digest) == 64 for digest in index["hashes"].values())


@fuzz
@given(mutants(msgpack.packb(SHARD)).map(zstandard.compress))
def test_a_shard(data: bytes) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    with TemporaryDirectory() as folder:
        shards = Shards("https://c.example/", {"tool": sha256}, Path(folder), lambda _: data)
        found = read_or_refuse(lambda: shards.records("tool"))
        if found is not None:
            assert json.loads(json.dumps(found)) == found
            assert shards.records("tool") == found


@fuzz
@given(documents(REPODATA))
def test_a_whole_index(data: bytes) -> None:
    """Whatever a channel tells: what is locked of it can be written, read and is the same."""
    with TemporaryDirectory() as top:
        place = Path(top, "linux-64", "repodata.json")
        place.parent.mkdir()
        place.write_bytes(data)
        channels = Channels(HttpClient(), {"ours": Address((Path(top).as_uri(),))})
        resolver = CondaResolver(ChannelIndexes(channels, Path(top, "kept"), Silent()), Absent())
        question = CondaQuestion(("tool",), ("ours",), "strict", ("__unix=0=0",), Platform())
        part = read_or_refuse(lambda: resolver.resolve(question))
    for each in part.artifacts if part else ():
        assert decode_artifact(json.loads(json.dumps(encode_artifact(each)))) == each


@fuzz
@given(st.text(alphabet="export A=b$C{}'\"\\;#\n ~*`()/", max_size=60))
def test_a_script_of_activation(script: str) -> None:
    """What is known without a shell has nothing in it that a shell would act on."""
    for assignment in read_assignments(script) or ():
        name, equals, value = assignment.partition("=")
        assert (name.isidentifier(), equals) == (True, "=")
        quoted = f"'{value}'" in script
        assert quoted or not set(value.replace(PREFIX, "")) & set("$`\\\"'")


def test_what_nobody_changed_is_read() -> None:
    # Else the tests above could only ever see refusals.
    assert read_index(pack(INDEX), URL) == {
        "url": "https://c.example/ours/linux-64/shards/",
        "hashes": {"tool": "ab" * 32, "lib": "cd" * 32},
    }
