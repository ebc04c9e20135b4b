"""Files, folders and globs of a workspace, with what must never get in and what must never get out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from envbuild.core.errors import Location
from envbuild.spec.files import FileEntry, read_file, read_files
from envbuild.spec.place import Place
from envbuild.spec.problems import Problems
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.schema import Copy
from tests.makers.workspace import Looks, failures, write_files


def copies(mapping: dict[str, str]) -> list[Copy]:
    """A `files` mapping, its entries in the lines of a file."""
    return [
        Copy(
            source, destination.rstrip("/") or "/", destination.endswith("/"), Location("BUILD.yaml", line, 1)
        )
        for line, (source, destination) in enumerate(mapping.items(), 1)
    ]


def read(root: Path, mapping: dict[str, str], package: str = "pkg") -> tuple[FileEntry, ...]:
    problems = Problems()
    entries = read_files(copies(mapping), Place(root, package, Unrecorded()), problems)
    problems.raise_if_any()
    return entries


def placed(entries: Iterable[FileEntry], root: Path) -> dict[str, str]:
    """Where each file goes, and from where."""
    return {entry.destination: entry.path.relative_to(root.resolve()).as_posix() for entry in entries}


def fails(root: Path, mapping: dict[str, str]) -> list[str]:
    return failures(lambda: read(root, mapping))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_files(
        tmp_path,
        {
            "pkg/train.py": "print()",
            "pkg/configs/a.yaml": "a",
            "pkg/configs/deep/b.yaml": "b",
            "pkg/configs/deep/.hidden": "h",
            "pkg/configs/deep/notes.txt": "n",
            "shared/c.yaml": "c",
        },
    )


def test_a_file_goes_to_its_destination_with_its_content(root: Path) -> None:
    (entry,) = read(root, {"train.py": "/app/train.py"})
    assert (entry.destination, entry.path) == ("/app/train.py", root / "pkg/train.py")
    assert entry.digest.hash == hashlib.sha256(b"print()").hexdigest()
    assert entry.digest.size == len(b"print()")


@pytest.mark.parametrize("source", ["configs", "configs/", "./configs", "configs/**"])
def test_a_folder_is_all_its_files(root: Path, source: str) -> None:
    assert placed(read(root, {source: "/app/configs/"}), root) == {
        "/app/configs/a.yaml": "pkg/configs/a.yaml",
        "/app/configs/deep/.hidden": "pkg/configs/deep/.hidden",
        "/app/configs/deep/b.yaml": "pkg/configs/deep/b.yaml",
        "/app/configs/deep/notes.txt": "pkg/configs/deep/notes.txt",
    }


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["/d/train.py"]),
        ("configs/*.yaml", ["/d/a.yaml"]),
        ("configs/**/*.yaml", ["/d/a.yaml", "/d/deep/b.yaml"]),
        ("configs/**/**/*.yaml", ["/d/a.yaml", "/d/deep/b.yaml"]),
        ("**/deep/*.yaml", ["/d/configs/deep/b.yaml"]),
        ("**/deep/**", ["/d/configs/deep/.hidden", "/d/configs/deep/b.yaml", "/d/configs/deep/notes.txt"]),
        ("c*/[de]*/[!n]*.????", ["/d/configs/deep/b.yaml"]),
        ("../shared/*.yaml", ["/d/c.yaml"]),
    ],
)
def test_globs(root: Path, pattern: str, found: list[str]) -> None:
    assert [entry.destination for entry in read(root, {pattern: "/d"})] == found


def test_order_is_that_of_destinations_whatever_the_order_written(root: Path) -> None:
    mapping = {"configs/**": "/z", "train.py": "/m/t", "../shared/c.yaml": "/a"}
    backwards = dict(reversed(mapping.items()))
    entries = read(root, mapping)
    assert entries == read(root, backwards)
    assert [entry.destination for entry in entries] == sorted(entry.destination for entry in entries)


def test_only_the_executable_bit_of_a_mode_counts(root: Path) -> None:
    script = root / "pkg/train.py"
    script.chmod(0o640)
    plain = read(root, {"train.py": "/t"})
    script.chmod(0o600)
    assert read(root, {"train.py": "/t"}) == plain
    script.chmod(0o700)
    (entry,) = read(root, {"train.py": "/t"})
    assert entry.executable
    assert not plain[0].executable


def test_the_whole_workspace_but_for_what_no_image_wants(root: Path) -> None:
    write_files(
        root, {"BUILD.yaml": "", ".git/config": "", "pkg/__pycache__/train.pyc": "", "pkg/BUILD.yaml": ""}
    )
    names = [entry.destination for entry in read(root, {"..": "/w"})]
    assert names == sorted(f"/w/{name}" for name in FIXTURE)


FIXTURE = [
    "pkg/configs/a.yaml",
    "pkg/configs/deep/.hidden",
    "pkg/configs/deep/b.yaml",
    "pkg/configs/deep/notes.txt",
    "pkg/train.py",
    "shared/c.yaml",
]


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("*.txt\n.hidden\n", ["/d/a.yaml", "/d/deep/b.yaml"]),
        ("deep/\n", ["/d/a.yaml"]),
        ("/pkg/configs/a.yaml\n*.txt", ["/d/deep/.hidden", "/d/deep/b.yaml"]),
        # What is allowed by name must not need the folders above it to be allowed one by one.
        ("*\n!*/\n!*.txt\n", ["/d/deep/notes.txt"]),
        # gitignore(5): below an ignored folder, nothing can be taken back in.
        ("deep/\n!deep/b.yaml\n", ["/d/a.yaml"]),
        ("# a comment\n\n", ["/d/a.yaml", "/d/deep/.hidden", "/d/deep/b.yaml", "/d/deep/notes.txt"]),
    ],
)
def test_the_ignore_file(root: Path, rules: str, left: list[str]) -> None:
    write_files(root, {".envbuildignore": rules})
    assert [entry.destination for entry in read(root, {"configs": "/d"})] == left


def test_what_is_named_itself_is_not_ignored(root: Path) -> None:
    write_files(root, {".envbuildignore": "*.py\n"})
    assert [entry.destination for entry in read(root, {"train.py": "/t.py"})] == ["/t.py"]


def test_links_inside_the_workspace_stand_for_what_they_lead_to(root: Path) -> None:
    (root / "pkg/link.yaml").symlink_to("../shared/c.yaml")
    (root / "pkg/configs/shared").symlink_to("../../shared")
    entries = read(root, {"link.yaml": "/a", "configs/shared/**": "/s"})
    assert placed(entries, root) == {"/a": "shared/c.yaml", "/s/c.yaml": "shared/c.yaml"}


def test_two_names_of_one_file_at_one_place_are_no_conflict(root: Path) -> None:
    entries = read(root, {"configs/*.yaml": "/d", "configs/**/a.yaml": "/d"})
    assert [entry.destination for entry in entries] == ["/d/a.yaml"]


def test_every_fault_of_a_mapping_is_told_where_it_stands(root: Path) -> None:
    (root / "pkg/out").symlink_to("/etc/passwd")
    (root / "pkg/configs/gone").symlink_to("nowhere")
    os.mkfifo(root / "shared/pipe")
    mapping = {
        "trian.py": "/a",
        "confgs/**": "/b",
        "configs/*.toml": "/c",
        "../../etc/passwd": "/d",
        "/etc/passwd": "/e",
        "out": "/f",
        "configs": "/g",
        "../shared": "/h",
        "train.py": "/i/",
        "./train.py": "/j",
        "../shared/c.yaml": "/j",
        "configs/a.yaml": "/j/below",
    }
    here = "hint: write a path relative to the folder of `BUILD.yaml`"
    assert fails(root, mapping) == [
        "BUILD.yaml:1:1: there is no file `pkg/trian.py`\nhint: did you mean `train.py`?",
        "BUILD.yaml:2:1: there is no file `pkg/confgs`\nhint: did you mean `configs`?",
        "BUILD.yaml:3:1: `configs/*.toml` matches no file\nhint: check the pattern and `.envbuildignore`",
        f"BUILD.yaml:4:1: `../../etc/passwd` is no path in the workspace\n{here}",
        f"BUILD.yaml:5:1: `/etc/passwd` is no path in the workspace\n{here}",
        (
            "BUILD.yaml:6:1: `pkg/out` leads out of the workspace by a symbolic link\n"
            "hint: copy the file into the workspace"
        ),
        "BUILD.yaml:7:1: `pkg/configs/gone` is a symbolic link that leads nowhere\nhint: mend or remove it",
        "BUILD.yaml:8:1: `shared/pipe` is neither a file nor a folder\nhint: add it to `.envbuildignore`",
        (
            "BUILD.yaml:9:1: `train.py` is a file, and its destination a folder\n"
            "hint: write `train.py: /i/train.py`"
        ),
        (
            "BUILD.yaml:11:1: `pkg/train.py` and `shared/c.yaml` both go to `/j`\n"
            "hint: give one of them another destination"
        ),
        (
            "BUILD.yaml:12:1: `/j` is a file, and `/j/below` would lie below it\n"
            "hint: give one of them another destination"
        ),
    ]


def test_a_link_to_a_folder_above_it_ends_the_walk(root: Path) -> None:
    (root / "pkg/configs/deep/up").symlink_to("..")
    (error,) = fails(root, {"configs": "/c"})
    assert error == (
        "BUILD.yaml:1:1: `pkg/configs/deep/up` leads back to a folder above it by a symbolic link\n"
        "hint: remove the link, or add it to `.envbuildignore`"
    )


def test_an_ignored_link_may_lead_anywhere(root: Path) -> None:
    (root / "pkg/configs/out").symlink_to("/")
    write_files(root, {".envbuildignore": "out\n"})
    assert len(read(root, {"configs": "/c"})) == 4


def test_an_ignore_file_that_is_none(root: Path) -> None:
    write_files(root, {".envbuildignore": b"\xff\xfe"})
    assert fails(root, {"configs": "/c"}) == [".envbuildignore: cannot be read as UTF-8 text"]
    write_files(root, {".envbuildignore": "a\n[z-a]\n"})
    assert fails(root, {"configs": "/c"}) == [
        ".envbuildignore:2: `[z-a]` is no pattern: bad character range z-a"
    ]


def test_everything_looked_at_is_recorded(root: Path) -> None:
    """What the memo must see unchanged: files, folders, links, and what is not there yet."""
    (root / "pkg/link").symlink_to("configs/a.yaml")
    looks = Looks(root)
    read_files(copies({"configs/**": "/c", "link": "/l"}), Place(root, "pkg", looks), Problems())
    assert set(looks.names) >= {
        ".envbuildignore",
        "pkg/configs",
        "pkg/configs/deep",
        "pkg/configs/deep/b.yaml",
        "pkg/configs/a.yaml",
        "pkg/link",
    }
    missing = Looks(root)
    read_files(copies({"new.py": "/n"}), Place(root, "pkg", missing), Problems())
    assert {"pkg/new.py", "pkg"} <= set(missing.names)


def test_one_file_for_a_rule(root: Path) -> None:
    place = Place(root, "pkg", Unrecorded())
    entry = read_file("train.py", place)
    assert (entry.destination, entry.path) == ("", root / "pkg/train.py")
    assert failures(lambda: read_file("configs", place)) == ["`configs` is not a file\nhint: name a file"]


def test_the_same_files_in_another_folder_are_the_same(tmp_path: Path) -> None:
    one, two = (write_files(tmp_path / name, {"pkg/x/a": "a", "pkg/x/b": "b"}) for name in ("one", "two"))
    os.utime(two / "pkg/x/a", (1, 1))
    ones, twos = read(one, {"x": "/x"}), read(two, {"x": "/x"})
    assert [(e.destination, e.digest, e.executable) for e in ones] == [
        (e.destination, e.digest, e.executable) for e in twos
    ]
