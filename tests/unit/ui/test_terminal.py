from __future__ import annotations

import io

import pytest

from envbuild.core.events import (
    ActionFailed,
    ActionFinished,
    ActionOutput,
    ActionStarted,
    BuildStarted,
    Note,
    Phase,
    ResultSource,
    TransferProgress,
)
from envbuild.ui.terminal import LiveView


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def view() -> tuple[LiveView, io.StringIO, Clock]:
    stream, clock = io.StringIO(), Clock()
    return LiveView(stream, color=False, clock=clock), stream, clock


def rows(live: LiveView, clock: Clock) -> list[str]:
    return [line for line, _ in live._lines(clock.now)]


def test_the_picture_shows_progress_running_actions_and_transfers() -> None:
    live, _, clock = view()
    live.emit(BuildStarted(("//a:b",), 4))
    live.emit(ActionStarted("1", "WheelLayer", "numpy\x1b 2"))
    live.emit(ActionStarted("2", "WheelLayer", "scipy 1"))
    live.emit(TransferProgress("download", "pandas.whl", 1_000_000, 4_000_000))
    clock.now += 2
    live.emit(ActionStarted("3", "DebLayer", "too new to be shown"))
    live.emit(ActionFinished("2", "WheelLayer", "scipy 1", ResultSource.EXECUTED, 2.0))
    assert rows(live, clock) == [
        "━" * 6 + "─" * 18 + " 1/4  2.0 s  1 executed, 1.0 MB downloaded",
        "    2.0 s  WheelLayer numpy\\x1b 2",
        "  download pandas.whl: 1.0 MB of 4.0 MB",
    ]


def test_ended_actions_and_transfers_leave_the_picture() -> None:
    live, _, clock = view()
    live.emit(BuildStarted((), 2))
    for name in ("1", "2"):
        live.emit(ActionStarted(name, "WheelLayer", name))
    live.emit(TransferProgress("download", "pandas.whl", 4, 4))
    live.emit(ActionFailed("1", "WheelLayer", "1", "no"))
    live.emit(ActionFinished("2", "WheelLayer", "2", ResultSource.LOCAL, 0.1))
    clock.now += 1
    assert len(rows(live, clock)) == 1
    assert "2/2" in rows(live, clock)[0]


def test_the_bar_leaves_room_for_what_stands_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    live, _, clock = view()
    live.emit(BuildStarted((), 2))
    live.emit(ActionFinished("1", "WheelLayer", "1", ResultSource.EXECUTED, 0.1))
    assert rows(live, clock) == ["━━── 1/2  0.0 s  1 executed"]


def test_many_running_actions_are_counted_not_listed() -> None:
    live, _, clock = view()
    for n in range(30):
        live.emit(ActionStarted(str(n), "WheelLayer", str(n)))
    clock.now += 1
    assert len(rows(live, clock)) == 1 + 8 + 1
    assert rows(live, clock)[-1].strip() == "and 22 more"


def test_what_matters_stays_on_the_screen() -> None:
    live, stream, _ = view()
    with live:
        live.emit(Phase("resolving", "//a:b"))
        for line in ("one", "two"):
            live.emit(ActionOutput("2", "Run", "make all", line))
        live.emit(Note("warning", "beware [bold]of markup[/bold]"))
        live.emit(ActionFailed("1", "WheelLayer", "numpy 2", "no"))
    shown = stream.getvalue()
    assert shown.count("make all") == 1
    for line in (
        "  | one",
        "  | two",
        "resolving //a:b",
        "warning: beware [bold]of markup[/bold]",
        "failed: WheelLayer numpy 2",
    ):
        assert line in shown
