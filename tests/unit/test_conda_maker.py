"""Packages of the makers are conda's: a reader and an installer that are not ours take them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import (
    LONG_PLACEHOLDER,
    CondaFile,
    CondaPackage,
    executable,
)
from tests.makers.debian import serve

TOOL = CondaPackage(
    "tool",
    {
        "bin/tool": executable(f"#!{LONG_PLACEHOLDER}/bin/sh\n", placeholder=LONG_PLACEHOLDER),
        "lib/libtool.so.1": CondaFile(
            b"\x7fELF" + LONG_PLACEHOLDER.encode() + b"/share\0", placeholder=LONG_PLACEHOLDER, binary=True
        ),
        "lib/libtool.so": CondaFile(link="libtool.so.1"),
        "share/with space": "1\n",
    },
    depends=["needed >=1"],
)
NEEDED = CondaPackage("needed", {"share/needed": "2\n"}, noarch="generic")
KINDS = [{"suffix": suffix, "old": old} for suffix in (".conda", ".tar.bz2") for old in (False, True)]


def install(channel: str, specs: Sequence[str], prefix: Path) -> None:
    """What rattler makes of a channel, solved for Linux."""
    import rattler

    async def run() -> None:
        found = await rattler.solve(
            [channel],
            list(specs),
            gateway=rattler.Gateway(prefix.parent / "repodata"),
            platforms=["linux-64", "noarch"],
        )
        await rattler.install(
            found,
            prefix,
            cache_dir=prefix.parent / "cache",
            show_progress=False,
            platform=rattler.Subdir("linux-64"),
        )

    asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_rattler_installs_them(kind: Mapping[str, Any], tmp_path: Path) -> None:
    channel = Channel(tmp_path / "channel").publish(*(replace(each, **kind) for each in (TOOL, NEEDED)))
    prefix = tmp_path / "p"
    install(channel.url, ["tool"], prefix)
    assert (prefix / "bin/tool").read_text() == f"#!{prefix}/bin/sh\n"
    library = (prefix / "lib/libtool.so").read_bytes()
    assert library.startswith(b"\x7fELF" + str(prefix).encode() + b"/share\0")
    assert (prefix / "share/with space").read_text() == "1\n"
    assert (prefix / "share/needed").read_text() == "2\n"
    meta = json.loads((prefix / "conda-meta/tool-1.0-0.json").read_bytes())
    assert sorted(meta["files"]) == sorted(TOOL.files)


def test_equal_arguments_make_equal_bytes(tmp_path: Path) -> None:
    one, two = (Channel(tmp_path / name).publish(TOOL, NEEDED) for name in "ab")
    assert one.files() == two.files()
    assert len(one.files()) == 8


def test_a_served_channel(tmp_path: Path) -> None:
    Channel(tmp_path / "channel").publish(TOOL, NEEDED)
    with serve(tmp_path / "channel") as (url, _):
        install(url, ["tool"], tmp_path / "p")
    assert (tmp_path / "p/bin/tool").exists()
