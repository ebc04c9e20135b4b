"""Packages whose bytes are those that are locked, and lie: no image, no layer, and which package it was."""

from __future__ import annotations

import zlib

import pytest

from tests.makers.index import FakeIndex
from tests.makers.project import Project, environment
from tests.makers.wheels import File, make_wheel

HOSTILE = {
    "a path that leads out": (
        make_wheel("alpha", {"../../../../etc/passwd": b"x"}),
        "`../../../../etc/passwd` is not a path that a layer may hold",
    ),
    "a device": (
        make_wheel("alpha", {"null": File(b"", 0o020666)}),
        "`null` is neither a file nor a folder nor a link",
    ),
    "a RECORD that lies": (
        make_wheel("alpha", {"alpha.py": b"1"}, record="alpha.py,,2\n"),
        "`RECORD` states another size for `alpha.py` than it has",
    ),
    # Whatever a terminal would take for a command is shown, not sent.
    "a name with an escape sequence": (
        make_wheel("alpha", {"\x1b]0;title\x07.py": b"1"}),
        r"`\x1b]0;title\x07.py` has a control character in its name, so that no `RECORD` can list it",
    ),
    "a version with an escape sequence": (
        make_wheel("alpha", {}, wheel_version="\x1b[2J9"),
        r"the wheel is of version `\x1b[2J9`, and only version 1 is understood",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_wheels(project: Project, index: FakeIndex, case: str) -> None:
    wheel, message = HOSTILE[case]
    index.add((wheel.file_name, wheel.data))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    for _ in ("first", "again"):  # a failure is no result that a cache keeps
        error = project.fail(1, "build")
        assert error.startswith(f"error: `WheelLayer alpha 1.0` failed: {message}\n")
        assert "\nhint: " in error
    assert project.images() == []
    assert not [layer for layer in kept_layers(project) if b"alpha-1.0.dist-info" in layer]


def test_layers_of_honest_wheels_are_kept(project: Project, index: FakeIndex) -> None:
    # Else the test above would look in the wrong place.
    wheel = make_wheel("alpha", {})
    index.add((wheel.file_name, wheel.data))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    project.succeed("build")
    assert [layer for layer in kept_layers(project) if b"alpha-1.0.dist-info" in layer]


def kept_layers(project: Project) -> list[bytes]:
    """The tars of all layers in the store, in whatever state they are."""
    blobs = [path.read_bytes() for path in project.cache.glob("blobs/sha256/*")]
    return [zlib.decompress(blob, wbits=31) for blob in blobs if blob.startswith(b"\x1f\x8b")]
