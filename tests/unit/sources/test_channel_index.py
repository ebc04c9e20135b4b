"""Indexes of channels: asked for anew, kept, and read from folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zstandard

from envbuild.core.errors import SourceError
from envbuild.sources.channel import Address, Channels
from envbuild.sources.channel_index import ChannelIndexes, Index
from envbuild.sources.channel_shards import Shards
from envbuild.sources.http import HttpClient, Patience
from tests.makers import faulty
from tests.makers.actions import Recorder
from tests.makers.faulty import Exchange, Fault, File, Plan, Reply, Site, run_site

SHARDS = "/c/linux-64/repodata_shards.msgpack.zst"
ZST, PLAIN = "/c/linux-64/repodata.json.zst", "/c/linux-64/repodata.json"
FIRST, SECOND = b'{"packages": {"first": {}}}', b'{"packages": {"second": {}}}'


def read_whole(index: Index | None) -> bytes:
    """An index that is one file; nothing where there is none."""
    assert not isinstance(index, Shards)
    return index.read_bytes() if index else b""


@dataclass
class Desk:
    """A channel on a server, and what reads its indexes."""

    site: Site
    folder: Path
    waits: list[float] = field(default_factory=list)
    sink: Recorder = field(default_factory=Recorder)

    def publish(self, data: bytes) -> None:
        self.site.files = {ZST: File(zstandard.compress(data)), PLAIN: File(data)}

    def spoil(self, fault: Fault, times: int = faulty.ALWAYS) -> None:
        self.site.plans.append(Plan(lambda asked: asked.path != SHARDS, fault, times))

    def read(self, *, fresh: bool = False) -> bytes:
        http = HttpClient(patience=Patience(pause=0.5, read=0.5), wait=self.waits.append)
        channels = Channels(http, {"ours": Address((f"{self.site.url}/c",))})
        path = ChannelIndexes(channels, self.folder, self.sink).read("ours", "linux-64", fresh=fresh)
        http.close()
        return read_whole(path)

    def kept(self) -> list[str]:
        return sorted(path.suffix for path in self.folder.glob("*"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with run_site(Site()) as site:
        made = Desk(site, tmp_path / "kept")
        made.publish(FIRST)
        yield made


def test_the_compressed_one_is_enough(desk: Desk) -> None:
    assert desk.read() == FIRST
    assert [asked.path for asked in desk.site.asked] == [SHARDS, ZST]


def test_the_plain_one_is_what_old_servers_have(desk: Desk) -> None:
    del desk.site.files[ZST]
    assert desk.read() == FIRST


# Some stores of files say so of what they do not have.
def test_the_plain_one_decides_what_is_refused(desk: Desk) -> None:
    refused = faulty.status(403)
    desk.site.plans.append(Plan(lambda asked: asked.path != PLAIN, refused))
    assert desk.read() == FIRST


def test_none_is_none(desk: Desk) -> None:
    desk.site.files.clear()
    assert desk.read() == b""
    assert desk.kept() == []


# Whatever stays of the states before, there is never more than the last two.
def test_a_new_state_is_read(desk: Desk) -> None:
    for number in range(4):
        desk.publish(json.dumps({"packages": {str(number): {}}}).encode())
        assert json.loads(desk.read()) == {"packages": {str(number): {}}}
    assert desk.kept() == [".json", ".json", ".state"]


def answer_unchanged(exchange: Exchange) -> None:
    """A server that knows what it has by a tag, and says so."""
    same = exchange.asked.headers.get("if-none-match") == '"tag"'
    exchange.reply(Reply(304) if same else exchange.right.with_headers(ETag='"tag"'))


def test_what_has_not_changed_is_not_sent_again(desk: Desk) -> None:
    desk.spoil(Fault("tagged", answer_unchanged))
    assert desk.read() == FIRST
    desk.publish(SECOND)  # the server goes on saying that it is the same
    assert desk.read() == FIRST
    tags = [asked.headers.get("if-none-match") for asked in desk.site.asked if asked.path == ZST]
    assert tags == [None, '"tag"']


PASSING = [
    faulty.CUT_BEFORE,
    faulty.CUT_HEADERS,
    faulty.CUT_BODY,
    faulty.RESET_BODY,
    faulty.STALL_BEFORE,
    faulty.STALL_BODY,
    faulty.status(503),
    faulty.status(429, Retry_After="7"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_what_passes_is_borne(desk: Desk, fault: Fault) -> None:
    desk.spoil(fault, 1)
    assert desk.read() == FIRST
    assert len(desk.waits) == 1


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_what_stays_is_told_or_bridged(desk: Desk, fault: Fault) -> None:
    desk.read()
    desk.publish(SECOND)
    desk.spoil(fault)
    assert desk.read() == FIRST
    (note,) = desk.sink.events
    assert "the channel `ours` is away, and what was last known of it counts" in str(note)
    with pytest.raises(SourceError, match=r"cannot fetch `linux-64/repodata\.json` from `ours`"):
        desk.read(fresh=True)
    assert desk.kept() == [".json", ".state"]


REFUSED = [faulty.status(401), faulty.status(403), faulty.status(415), faulty.FLIPPED, faulty.SHORT]


@pytest.mark.parametrize("fault", REFUSED, ids=lambda fault: fault.name)
def test_what_is_refused_or_damaged_is_never_bridged(desk: Desk, fault: Fault) -> None:
    desk.publish(json.dumps({"packages": {str(n): {} for n in range(1000)}}).encode())
    desk.read()
    desk.spoil(fault)
    with pytest.raises(SourceError, match=r"from `ours`"):
        desk.read()
    assert desk.kept() == [".json", ".state"]


def test_what_is_kept_and_broken_counts_as_nothing(desk: Desk) -> None:
    desk.read()
    (state,) = desk.folder.glob("*.state")
    for text in ("", "{", "[]", '{"file": "../../etc/passwd", "name": "x", "etag": "", "modified": ""}'):
        state.write_text(text)
        assert desk.read() == FIRST


def test_a_folder_has_it_plain_or_compressed(tmp_path: Path) -> None:
    folder = tmp_path / "channel" / "noarch"
    folder.mkdir(parents=True)
    channels = Channels(HttpClient(), {"ours": Address(((tmp_path / "channel").as_uri(),))})
    indexes = ChannelIndexes(channels, tmp_path / "kept", Recorder())
    assert indexes.read("ours", "noarch") is None
    for data in (FIRST, SECOND):
        (folder / "repodata.json.zst").write_bytes(zstandard.compress(data))
        assert read_whole(indexes.read("ours", "noarch")) == data
    (folder / "repodata.json").write_bytes(b"plain")
    assert indexes.read("ours", "noarch") == folder / "repodata.json"
