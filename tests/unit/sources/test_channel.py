"""Packages of channels, from whichever copy has them whole."""

from __future__ import annotations

from pathlib import Path

from envbuild.core.digest import Digest
from envbuild.sources.channel import Address, Channels
from envbuild.sources.http import HttpClient, Patience
from envbuild.store.disk import DiskStore
from tests.makers.faulty import File, Plan, Site, cut, run_site

FILE, DATA = "linux-64/a-1-0.conda", bytes(range(256)) * 4000
HALF = cut("half", lambda right: right.head() + right.body[: len(right.body) // 2])


# What a copy sent before it broke off is no part of what the next one sends.
def test_a_copy_that_breaks_off_passes_on_to_the_next(tmp_path: Path) -> None:
    files = {f"/c/{FILE}": File(DATA)}
    broken = Site(dict(files), ranges=False, plans=[Plan(lambda _: True, HALF)])
    with run_site(broken), run_site(Site(files)) as whole:
        http = HttpClient(patience=Patience(pause=0.1, read=5), wait=lambda _: None)
        channels = Channels(http, {"ours": Address((f"{broken.url}/c", f"{whole.url}/c"))})
        store, digest = DiskStore(tmp_path), Digest.of(DATA)
        assert channels.fetch("ours", FILE, digest, store.writer) == digest
        http.close()
    assert store.read(digest) == DATA
    assert list(store.temporary.iterdir()) == []
    assert broken.asked
