from __future__ import annotations

import io
import json
import os
import pty
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from envbuild.core.errors import UsageError
from envbuild.core.events import Note, Phase
from envbuild.ui.output import Output, choose_sinks

XTERM = {"TERM": "xterm"}


def told(output: Output) -> str:
    stream = io.StringIO()
    with choose_sinks(output, stream, XTERM) as sink:
        sink.emit(Phase("resolving"))
        sink.emit(Note("warning", "beware"))
    return stream.getvalue()


def test_a_pipe_gets_plain_lines() -> None:
    assert told(Output(color="always")) == "resolving\nwarning: beware\n"


def test_quiet() -> None:
    assert told(Output(quiet=True)) == "warning: beware\n"


def test_files_are_written_beside_the_console(tmp_path: Path) -> None:
    output = Output(events=tmp_path / "events", profile=tmp_path / "profile")
    assert told(output) == "resolving\nwarning: beware\n"
    assert len((tmp_path / "events").read_text().splitlines()) == 3
    assert len(json.loads((tmp_path / "profile").read_text())["traceEvents"]) == 1


@pytest.mark.parametrize(
    ("error", "status"), [(UsageError("no"), "failed"), (KeyboardInterrupt(), "interrupted"), (None, "done")]
)
def test_the_last_event_tells_how_it_ended(tmp_path: Path, error: BaseException | None, status: str) -> None:
    output = Output(events=tmp_path / "events")
    with suppress(UsageError, KeyboardInterrupt), choose_sinks(output, io.StringIO(), XTERM) as sink:
        sink.emit(Phase("resolving"))
        if error:
            raise error
    last = json.loads((tmp_path / "events").read_text().splitlines()[-1])
    assert (last["event"], last["status"]) == ("build_finished", status)


def test_a_file_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError), choose_sinks(Output(events=tmp_path), io.StringIO(), XTERM):
        pass


def test_pipes_and_dumb_terminals_do_not_pay_for_rich(tmp_path: Path) -> None:
    # It costs more than all other imports of a build together.
    before = {name for name in sys.modules if name.startswith("rich")}
    told(Output())
    assert {name for name in sys.modules if name.startswith("rich")} == before


def read_all(terminal: int) -> str:
    """What was written to a terminal whose other end is closed: reading fails where it ends."""
    pieces = []
    with os.fdopen(terminal, "rb", buffering=0) as file, suppress(OSError):
        while piece := file.read(4096):
            pieces.append(piece)
    return b"".join(pieces).decode()


@pytest.mark.parametrize(("term", "drawn"), [("xterm", True), ("dumb", False)])
def test_a_terminal_gets_the_live_view_if_it_can_draw(term: str, drawn: bool) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream, choose_sinks(Output(), stream, {"TERM": term}) as sink:
        sink.emit(Phase("resolving"))
    shown = read_all(ours)
    assert "resolving" in shown
    assert ("\x1b[" in shown) is drawn
