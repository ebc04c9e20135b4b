"""What a package says of its files, in each form; what contradicts itself is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from envbuild.archive.conda_paths import OLD_PLACEHOLDER, PackagePath, read_paths
from envbuild.core.errors import ArchiveError

SHA256 = "0" * 64


def paths(*entries: Any, **fields: Any) -> dict[str, bytes]:
    return {"paths.json": json.dumps({"paths": entries, "paths_version": 1, **fields}).encode()}


def test_paths_json() -> None:
    full = {
        "_path": "bin/tool", "path_type": "hardlink", "file_mode": "binary", "prefix_placeholder": "/old",
        "no_link": True, "sha256": SHA256, "size_in_bytes": 3,
    }  # fmt: skip
    link, short = {"_path": "lib/x", "path_type": "softlink"}, {"_path": "./share//x".replace("//", "/")}
    assert list(read_paths(paths(full, link, short)).values()) == [
        PackagePath("bin/tool", "hardlink", "/old", binary=True, no_link=True, sha256=SHA256, size=3),
        PackagePath("lib/x", "softlink"),
        PackagePath("share/x", "hardlink"),
    ]


def test_paths_json_of_the_next_version() -> None:
    assert read_paths(paths({"_path": "a", "offsets": [1]}, paths_version=2))


def test_paths_json_counts_more_than_what_was_before() -> None:
    assert list(read_paths({**paths({"_path": "new"}), "files": b"old\n", "has_prefix": b"new\n"})) == ["new"]


def test_older_lists() -> None:
    info = {
        "files": b"bin/a\nbin/b\r\nlib/c d\nlib/e\n",
        "has_prefix": b'bin/a\n/old binary bin/b\n"/o ld" "text" "lib/c d"\n',
        "no_link": b"lib/e\n",
        "no_softlink": b"bin/a\n",
    }
    assert list(read_paths(info).values()) == [
        PackagePath("bin/a", "", OLD_PLACEHOLDER, no_link=True),
        PackagePath("bin/b", "", "/old", binary=True),
        PackagePath("lib/c d", "", "/o ld"),
        PackagePath("lib/e", no_link=True),
    ]


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({}, "lists no files"),
        ({"paths.json": b"{"}, "is no JSON"),
        ({"paths.json": b"[]"}, "lists no paths"),
        ({"paths.json": b'{"paths": {}}'}, "lists no paths"),
        (paths(paths_version=3), "not understood"),
        (paths("a"), "an entry without a path"),
        (paths({"path_type": "hardlink"}), "an entry without a path"),
        (paths({"_path": "a", "path_type": "pipe"}), "what no path has"),
        (paths({"_path": "a", "file_mode": "utf-8"}), "what no path has"),
        (paths({"_path": "a", "prefix_placeholder": ["/"]}), "what no path has"),
        (paths({"_path": "a", "no_link": "yes"}), "what no path has"),
        (paths({"_path": "a", "sha256": "0"}), "what no path has"),
        (paths({"_path": "a", "size_in_bytes": -1}), "what no path has"),
        (paths({"_path": "a", "size_in_bytes": True}), "what no path has"),
        (paths({"_path": "a"}, {"_path": "./a"}), "lists a file twice"),
        (paths({"_path": "../a"}), "not a path that a layer may hold"),
        (paths({"_path": "/a"}), "not a path that a layer may hold"),
        (paths({"_path": ""}), "which is none"),
        (paths({"_path": "info/index.json"}), "which is none"),
        ({"files": b"a\n../b\n"}, "not a path that a layer may hold"),
        ({"files": b"a\na\n"}, "lists a file twice"),
        ({"files": b"\xff\n"}, "is not UTF-8"),
        ({"files": b"a\n", "has_prefix": b"/old text a b\n"}, "not understood"),
        ({"files": b"a\n", "has_prefix": b"/old bytes a\n"}, "not understood"),
        ({"files": b"a\n", "has_prefix": b'"/old text a\n'}, "not understood"),
    ],
)
def test_lists_that_are_refused(info: dict[str, bytes], message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        read_paths(info)
