from __future__ import annotations

import json
import re
import typing
from pathlib import Path

import pytest

from envbuild.core.errors import ServiceError, UsageError
from envbuild.core.events import ActionFinished, BuildStarted, Event, Note, Phase, ResultSource
from envbuild.ui.json_lines import JsonLines, event_name, to_json

DOCS = Path(__file__).parents[3] / "docs" / "events.md"


def test_an_object_a_line_as_it_happens(tmp_path: Path) -> None:
    times = iter([10.0, 10.5, 11.25])
    path = tmp_path / "events"
    with JsonLines(path, clock=lambda: next(times)) as sink:
        sink.emit(BuildStarted(("//a:b",), 2))
        assert json.loads(path.read_text()) == {
            "event": "build_started",
            "time": 0.5,
            "targets": ["//a:b"],
            "actions": 2,
        }
        sink.emit(ActionFinished("sha256:1", "WheelLayer", "numpy", ResultSource.LOCAL, 0.1))
    assert json.loads(path.read_text().splitlines()[1]) == {
        "event": "action_finished",
        "time": 1.25,
        "id": "sha256:1",
        "mnemonic": "WheelLayer",
        "subject": "numpy",
        "source": "local",
        "seconds": 0.1,
        "unchanged": False,
        "impure": False,
    }


def test_a_line_stays_a_line() -> None:
    assert "\n" not in json.dumps(to_json(Note("info", "two\nlines\u2028"), 0))


def test_every_kind_of_event_and_every_field_is_documented() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", DOCS.read_text(), re.MULTILINE))
    del rows["event"]  # the head of the table
    for kind in typing.get_args(Event):
        named = re.findall(r"`(\w+)`", rows.pop(event_name(kind)))
        assert named == list(kind.__dataclass_fields__), kind
    assert not rows


def test_a_file_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write events"):
        JsonLines(tmp_path / "missing" / "events")


def test_a_disk_that_fills_up_fails_the_command_only_in_the_end() -> None:
    sink = JsonLines(Path("/dev/full"))
    for _ in range(3):
        sink.emit(Phase("resolving"))
    with pytest.raises(ServiceError, match="No space left"):
        sink.__exit__(None, None, None)
