from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from envbuild.core.errors import UsageError
from envbuild.core.events import ActionFailed, ActionFinished, ActionStarted, Event, Phase, ResultSource
from envbuild.ui.trace import Trace

STORY: list[Event] = [
    Phase("resolving", "//a:b"),
    ActionStarted("1", "WheelLayer", "numpy"),
    ActionStarted("2", "WheelLayer", "scipy"),
    ActionFinished("1", "WheelLayer", "numpy", ResultSource.EXECUTED, 2.0),
    ActionStarted("3", "Image", "//a:b"),
    ActionFailed("3", "Image", "//a:b", "no"),
    ActionFinished("2", "WheelLayer", "scipy", ResultSource.LOCAL, 4.0),
]


def write_trace(path: Path) -> None:
    seconds = iter(range(100))
    with Trace(path, clock=lambda: float(next(seconds))) as sink:
        for event in STORY:
            sink.emit(event)


def test_bars_that_overlap_lie_on_different_lanes(tmp_path: Path) -> None:
    write_trace(tmp_path / "profile.json")
    document: dict[str, Any] = json.loads((tmp_path / "profile.json").read_text())
    phase, *bars = document["traceEvents"]
    assert (phase["ph"], phase["name"], phase["ts"]) == ("i", "resolving //a:b", 1e6)
    assert [(bar["name"], bar["tid"], bar["ts"], bar["dur"], bar["args"]["result"]) for bar in bars] == [
        ("WheelLayer numpy", 1, 2e6, 2e6, "executed"),
        ("Image //a:b", 1, 5e6, 1e6, "failed"),
        ("WheelLayer scipy", 2, 3e6, 4e6, "local"),
    ]
    assert {bar["ph"] for bar in bars} == {"X"}


def test_a_name_that_ends_in_gz_gets_a_gzip(tmp_path: Path) -> None:
    write_trace(tmp_path / "profile.json")
    write_trace(tmp_path / "profile.json.gz")
    packed = (tmp_path / "profile.json.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / "profile.json").read_bytes()


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Trace(tmp_path / "missing" / "profile.json")


def test_a_file_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(UsageError, match="cannot write a profile"):
        Trace(Path("/dev/full")).__exit__(None, None, None)
