"""Conda packages that are what the lock says, and hostile or broken inside: words, and nothing kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import PLACEHOLDER, CondaFile, CondaPackage, hostile_entries
from tests.makers.examples import stored_blobs
from tests.makers.project import Project, environment

GOOD = CondaPackage("good", {"share/good": b"1"})
BAD = CondaPackage("bad", {"share/bad": b"1"})
PREFIXED = CondaFile(PLACEHOLDER.encode() + b"/lib\0", placeholder=PLACEHOLDER, binary=True)

HOSTILE: dict[str, tuple[CondaPackage, str]] = {
    # More of each kind, in both formats: unit/archive/test_conda_layer.py.
    "a path that leaves": (replace(BAD, raw=[hostile_entries()["a path that leaves"]]), "`../outside`"),
    "a device": (replace(BAD, raw=[hostile_entries()["a device"]]), "neither a file nor a folder nor a link"),
    "an absolute link that is listed": (
        replace(BAD, files={"lib/link": CondaFile(link="/etc/passwd")}), "which lies outside of the prefix"
    ),
    "a file with another sha256": (
        replace(BAD, paths={"share/bad": {"sha256": "0" * 64}}), "does not have the sha256 stated for it"
    ),
    "a file that is not there": (
        replace(BAD, paths={"share/bad": {"_path": "share/else"}}), "lists `share/else` and does not hold it"
    ),
    "a prefix that does not fit": (
        replace(BAD, files={"lib/x.so": PREFIXED}), "has 41 bytes, and the package has room for 32"
    ),
    "another package": (replace(BAD, index={"version": "2.0"}), "its channel says it is `bad-1.0-0`"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_package(project: Project, tmp_path: Path, what: str) -> None:
    package, words = HOSTILE[what]
    channel = Channel(tmp_path / "channel").publish(GOOD, replace(package, record={"version": "1.0"}))
    workspace = project.write(
        {
            "envbuild.yaml": f"sources: {json.dumps([{'channel': {'name': 'ours', 'url': channel.url}}])}\n",
            "BUILD.yaml": environment(
                conda={"channels": ["ours"], "dependencies": ["good", "bad"]},
                base="scratch",
                libc="glibc 2.36",
                prefix="/" + "p" * 40,
            ),
        }
    )
    workspace.succeed("lock")
    said = workspace.fail(1, "build")
    assert "`CondaLayer bad 1.0 (conda)` failed: " in said
    assert words in said
    assert workspace.images() == []
    before = stored_blobs(workspace)
    # Nothing was kept that could be taken for a result.
    assert "`CondaLayer bad 1.0 (conda)` failed: " in workspace.fail(1, "build")
    assert stored_blobs(workspace) == before
