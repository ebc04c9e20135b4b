"""The JSON of a build is what the documentation shows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from envbuild.build.report import (
    ActionCounts,
    ErrorReport,
    LayerReport,
    PlatformReport,
    PushReport,
    Report,
    Status,
    TargetReport,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "commands.md"
LAYER = LayerReport("sha256:aa", "sha256:bb", 7, ("numpy 2.4.6",))
TARGET = TargetReport(
    label="//a:b",
    image="envs/env_x",
    definition="sha256:dd",
    digest="sha256:ee",
    status=Status.BUILT,
    platforms=(PlatformReport("linux/amd64", "sha256:ff", (LAYER, LAYER)),),
    actions=ActionCounts(3, 2, 1),
    pushed=PushReport("here", 10, 2, 1),
    error=ErrorReport(4, "gone", "try again"),
)


def shape(value: Any) -> Any:
    """The keys and types of a JSON value."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value)


def test_it_is_what_the_documentation_shows() -> None:
    (example,) = re.findall(
        r"## `envbuild build --output json`.*?```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL
    )
    printed = json.loads(json.dumps(Report((TARGET,), 1.23456).to_json()))
    assert shape(printed) == shape(json.loads(example))
    assert printed["seconds"] == 1.235
    # The statuses, too.
    assert json.loads(example)["targets"][0]["status"] == "|".join(status.value for status in Status)


def test_the_second_time_there_is_nothing_to_do_or_to_push() -> None:
    (again,) = Report((TARGET,), 1.0).when_repeated().to_json()["targets"]
    assert again["pushed"] == {"registry": "here", "bytes": 0, "blobs": 0, "mounted": 0}
    (never,) = Report((replace(TARGET, pushed=None),), 1.0).when_repeated().to_json()["targets"]
    assert "pushed" not in never
    assert (again["status"], again["actions"]) == ("exists", {"executed": 0, "local": 0, "remote": 0})


def test_only_what_failed_has_an_error() -> None:
    built, failed = Report((replace(TARGET, error=None), TARGET), 1.0).to_json()["targets"]
    assert "error" not in built
    assert failed["error"] == {"exit_code": 4, "message": "gone", "hint": "try again"}


def test_a_push_of_nothing_is_a_push() -> None:
    there = TargetReport("//a:b", "i", "d", "s", Status.EXISTS, pushed=PushReport("here", 0, 0, 0))
    (printed,) = Report((there,), 0).to_json()["targets"]
    assert printed["pushed"] == {"registry": "here", "bytes": 0, "blobs": 0, "mounted": 0}


def test_the_size_counts_a_shared_layer_once() -> None:
    assert TARGET.size == 7
