from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import SpecError
from envbuild.spec.dockerfile.context import read_context
from envbuild.spec.dockerfile.patterns import compile_glob, is_ignored, read_ignore_file
from envbuild.spec.place import Place
from tests.makers.workspace import Looks, write_files


def paths(root: Path, dockerfile: str = "") -> list[str]:
    return [entry.path for entry in read_context("c", Place(root, "", Looks(root)), dockerfile)]


def test_entries(tmp_path: Path) -> None:
    write_files(tmp_path, {"c/a/run": "x", "c/b": "y"})
    (tmp_path / "c/a/run").chmod(0o700)
    (tmp_path / "c/link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "c/pipe")
    looks = Looks(tmp_path)
    found = read_context("c", Place(tmp_path, "", looks))
    assert [(e.path, e.digest, e.executable, e.target, e.is_folder) for e in found] == [
        ("a", None, False, "", True),
        ("a/run", Digest.of(b"x"), True, "", False),
        ("b", Digest.of(b"y"), False, "", False),
        ("link", None, False, "/etc/passwd", False),
    ]
    assert {"c", "c/a", "c/a/run", "c/b", "c/link", "c/.dockerignore"} <= set(looks.names)


@pytest.mark.parametrize(
    ("patterns", "ignored", "kept"),
    [
        ("a", ["a", "a/b"], ["ab", "c/a"]),
        ("/a/", ["a", "a/b"], ["c/a"]),
        ("*/a", ["c/a"], ["a", "c/d/a"]),
        ("**/a", ["a", "c/a", "c/d/a/e"], ["ba"]),
        ("*.md\n!README.md", ["a.md"], ["README.md", "c/a.md"]),
        ("docs\n!docs/keep", ["docs", "docs/x"], ["docs/keep", "docs/keep/x"]),
        ("!a\na", ["a"], []),
        ("# a\n\n  b  \n", ["b"], ["a", "# a"]),
        ("a?\n[x-z]", ["ab", "y"], ["a", "abc", "w"]),
        ("a/../b", ["b"], ["a"]),
        (".\n..", [], ["a"]),
        ("../a\n//b\n/../c", ["b", "c"], ["a"]),
        ("a/**/z", ["a/z", "a/b/c/z"], ["z"]),
    ],
)
def test_ignore_files(patterns: str, ignored: list[str], kept: list[str]) -> None:
    rules = read_ignore_file(patterns, ".dockerignore")
    assert [path for path in (*ignored, *kept) if is_ignored(rules, path)] == ignored


def test_ignored_files_are_not_there(tmp_path: Path) -> None:
    write_files(tmp_path, {"c/.dockerignore": "a\n!a/b\n", "c/a/b": "", "c/a/c": "", "c/d": ""})
    # The folder is there for what was taken back in.
    assert paths(tmp_path) == [".dockerignore", "a", "a/b", "d"]


def test_a_dockerfile_s_own_ignore_file(tmp_path: Path) -> None:
    files = {"c/.dockerignore": "a\n", "x/My.Dockerfile.dockerignore": "b\n", "c/a": "", "c/b": ""}
    write_files(tmp_path, files)
    assert paths(tmp_path, "x/My.Dockerfile") == [".dockerignore", "a"]
    assert paths(tmp_path, "x/Other") == [".dockerignore", "b"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"c": "a file"}, "`c` is not a folder"),
        ({"c/.dockerignore": b"\xff"}, "`.dockerignore` cannot be read as UTF-8 text"),
        ({"c/.dockerignore": "a\n[z-a]\n"}, "`[z-a]` is no pattern"),
        ({"c/.dockerignore": "a["}, "`a[` is no pattern: a bracket is not closed"),
        ({"c/.dockerignore": "a\n!\n"}, "`!` takes nothing back in"),
    ],
)
def test_what_is_refused(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    write_files(tmp_path, files)
    with pytest.raises(SpecError) as caught:
        paths(tmp_path)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "a/b", False),
        ("**", "a/b", False),
        (r"\*", "*", True),
        ("[[]a]", "[a]", True),
        ("[a-c\\-]", "-", True),
        ("[&&~~||]", "&", True),
        ("[^a]", "b", True),
        ("[^a]", "/", False),
    ],
)
def test_globs(pattern: str, path: str, matches: bool) -> None:
    assert bool(compile_glob(pattern).fullmatch(path)) == matches


@pytest.mark.parametrize("name", ["folder/", "file"])
def test_what_cannot_be_read(public_folder: Path, name: str) -> None:
    """Root may read all, so another user asks."""
    place = public_folder / "c" / name
    place.parent.mkdir()
    if name.endswith("/"):
        place.mkdir(0)
    else:
        place.touch(0)
    program = """
import os, sys
from pathlib import Path
from envbuild.core.errors import SpecError
from envbuild.spec.dockerfile.context import read_context
from envbuild.spec.place import Place
from envbuild.spec.recorder import Unrecorded
if os.getuid() == 0:
    os.setuid(65534)
try:
    read_context("c", Place(Path(sys.argv[1]), "", Unrecorded()))
except SpecError as error:
    print(error)
"""
    run = [sys.executable, "-c", program, str(public_folder)]
    output = subprocess.run(run, capture_output=True, text=True, check=True, cwd="/").stdout
    assert output == (
        f"cannot read `{name.strip('/')}` of the context: Permission denied\n"
        "hint: let it be read, or leave it out by `.dockerignore`\n"
    )
