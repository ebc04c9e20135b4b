from __future__ import annotations

import io

from envbuild.core.events import (
    ActionFailed,
    ActionFinished,
    ActionOutput,
    ActionStarted,
    BuildFinished,
    BuildStarted,
    Event,
    Note,
    Phase,
    ResultSource,
    TransferProgress,
)
from envbuild.ui.plain import PlainLines, Warnings

EXECUTED, LOCAL = ResultSource.EXECUTED, ResultSource.LOCAL
STORY: list[Event] = [
    Phase("checking the registry", "//a:b"),
    BuildStarted(("//a:b",), 4),
    ActionStarted("1", "WheelLayer", "numpy 2"),
    TransferProgress("download", "numpy.whl", 5_000_000, 16_200_000),
    TransferProgress("download", "numpy.whl", 16_200_000, 16_200_000),
    TransferProgress("download", "tiny.whl", 1000, 1000),
    ActionFinished("1", "WheelLayer", "numpy 2", EXECUTED, 0.84),
    ActionFinished("2", "WheelLayer", "tiny 1", EXECUTED, 0.01),
    ActionFinished("3", "DebLayer", "libc6 2", LOCAL, 0.9),
    ActionOutput("5", "Run", "make", "\x1b[2Jall done"),
    Note("warning", "the cache is\nslow\x1b"),
    ActionFailed("4", "Image", "//a:b", "its\nreason"),
    BuildFinished("failed", 2.345),
]


def told(story: list[Event], *, verbose: bool = False) -> list[str]:
    stream = io.StringIO()
    sink = PlainLines(stream, verbose=verbose)
    for event in story:
        sink.emit(event)
    return stream.getvalue().splitlines()


def test_what_took_time_and_what_went_wrong() -> None:
    assert told(STORY) == [
        "checking the registry //a:b",
        "download numpy.whl (16.2 MB)",
        "WheelLayer numpy 2 (0.8 s)",
        "make",
        "  | \\x1b[2Jall done",
        "warning: the cache is",
        "slow\\x1b",
        "failed: Image //a:b",
    ]


def test_output_stands_below_the_name_of_its_action() -> None:
    first, second = ActionOutput("1", "Run", "make", "a"), ActionOutput("2", "Run", "test", "1\tb")
    lines = told([first, first, second, first, Note("info", "x"), first])
    assert lines == [
        "make",
        "  | a",
        "  | a",
        "test",
        "  | 1       b",
        "make",
        "  | a",
        "note: x",
        "make",
        "  | a",
    ]


def test_verbose_names_everything() -> None:
    lines = told(STORY, verbose=True)
    assert "WheelLayer tiny 1 (0.0 s)" in lines
    assert "DebLayer libc6 2 (local)" in lines
    assert "download tiny.whl (1.0 kB)" in lines


def test_a_build_of_cache_hits_is_silent() -> None:
    hits: list[Event] = [ActionFinished(str(n), "WheelLayer", "x", LOCAL, 0.9) for n in range(50)]
    assert told([*hits, BuildFinished("done", 0.1)]) == []


def test_quiet_tells_warnings_only() -> None:
    stream = io.StringIO()
    sink = Warnings(stream)
    for event in [*STORY, Note("info", "by the way")]:
        sink.emit(event)
    assert stream.getvalue() == "warning: the cache is\nslow\\x1b\n"


class Gone(io.StringIO):
    attempts = 0

    def write(self, _text: str) -> int:
        self.attempts += 1
        raise BrokenPipeError


def test_a_reader_that_went_away_is_not_written_to_again() -> None:
    stream = Gone()
    sink = PlainLines(stream)
    for _ in range(3):
        sink.emit(Phase("resolving"))
    assert stream.attempts == 1
