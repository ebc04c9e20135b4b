"""Files at absolute destinations, and the folders that come with them."""

from __future__ import annotations

import io
import stat
import tarfile

import pytest

from envbuild.archive.file_layer import Open, write_files_layer
from envbuild.archive.listing import Kind
from envbuild.core.errors import ArchiveError

Files = list[tuple[str, Open, int]]


def holding(data: bytes) -> Open:
    return lambda: io.BytesIO(data)


def empty_files(*destinations: str) -> Files:
    return [(path, holding(b""), 0o644) for path in destinations]


def paths_of(files: Files, *, merged_usr: bool = True) -> list[str]:
    return [entry.path for entry in write_files_layer(files, io.BytesIO(), merged_usr=merged_usr).entries]


def test_files_keep_contents_and_modes_and_belong_to_root() -> None:
    out = io.BytesIO()
    files: Files = [("/app/run", holding(b"run"), 0o755), ("/app/data", holding(b""), 0o640)]
    write_files_layer(files, out, merged_usr=True)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        seen = {
            m.name: (m.mode, m.uid, file.read() if (file := archive.extractfile(m)) else None)
            for m in archive
        }
    assert seen == {"app": (0o755, 0, None), "app/data": (0o640, 0, b""), "app/run": (0o755, 0, b"run")}


@pytest.mark.parametrize(
    ("destinations", "named"),
    [
        pytest.param(["/app/a/b/file"], ["app/a/b/file", "app", "app/a", "app/a/b"], id="of our own"),
        pytest.param(["/etc/app.conf"], ["etc/app.conf", "etc"], id="of the base"),
        pytest.param(["/opt/env/x"], ["opt/env/x", "opt", "opt/env"], id="above the prefix"),
        pytest.param(["/a/1", "/a/b/2"], ["a/1", "a/b/2", "a", "a/b"], id="shared, once"),
        pytest.param(["/top"], ["top"], id="none, in the root"),
    ],
)
def test_every_folder_is_named_behind_the_files(destinations: list[str], named: list[str]) -> None:
    assert paths_of(empty_files(*destinations)) == named


def test_folders_have_the_modes_that_every_base_gives_them() -> None:
    # Each layer's word on a folder counts: one file in /tmp must not take the others' right to write there.
    files = empty_files(
        "/app/x", "/etc/ssl/private/key", "/root/.config/x", "/run/lock/x", "/tmp/x", "/var/tmp/x"
    )
    entries = write_files_layer(files, io.BytesIO(), merged_usr=True).entries
    folders = {entry.path: entry for entry in entries if entry.kind == Kind.DIRECTORY}
    assert {path: oct(entry.mode) for path, entry in folders.items()} == {
        "app": "0o755",
        "etc": "0o755",
        "etc/ssl": "0o755",
        "etc/ssl/private": "0o700",
        "root": "0o700",
        "root/.config": "0o755",  # only the folder itself is special, not what lies in it
        "run": "0o755",
        "run/lock": "0o1777",
        "tmp": "0o1777",
        "var": "0o755",
        "var/tmp": "0o1777",
    }
    assert {(entry.uid, entry.gid) for entry in folders.values()} == {(0, 0)}


def test_folders_that_all_may_write_to_are_sticky_in_the_bytes_too() -> None:
    out = io.BytesIO()
    write_files_layer(empty_files("/tmp/x"), out, merged_usr=True)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        assert archive.getmember("tmp").mode == stat.S_ISVTX | 0o777


@pytest.mark.parametrize(
    ("destination", "merged", "plain"),
    [
        ("/bin/tool", ["usr/bin/tool", "usr", "usr/bin"], ["bin/tool", "bin"]),
        ("/lib64/ld.so", ["usr/lib64/ld.so", "usr", "usr/lib64"], ["lib64/ld.so", "lib64"]),
        ("/sbin/a/b", ["usr/sbin/a/b", "usr", "usr/sbin", "usr/sbin/a"], ["sbin/a/b", "sbin", "sbin/a"]),
        # Their likes at other places, and names that only begin so, are no links.
        ("/opt/bin/tool", ["opt/bin/tool", "opt", "opt/bin"], ["opt/bin/tool", "opt", "opt/bin"]),
        ("/binary/x", ["binary/x", "binary"], ["binary/x", "binary"]),
    ],
)
def test_files_go_to_where_a_merged_usr_has_them(
    destination: str, merged: list[str], plain: list[str]
) -> None:
    files = empty_files(destination)
    assert paths_of(files, merged_usr=True) == merged
    assert paths_of(files, merged_usr=False) == plain


def test_two_names_of_one_place_are_the_same_destination_only_where_usr_is_merged() -> None:
    files = empty_files("/bin/tool", "/usr/bin/tool")
    with pytest.raises(ArchiveError, match="same destination"):
        paths_of(files, merged_usr=True)
    assert paths_of(files, merged_usr=False)[:2] == ["bin/tool", "usr/bin/tool"]


def test_the_order_of_files_is_irrelevant() -> None:
    files: Files = [("/a/1", holding(b"1"), 0o644), ("/a/2", holding(b"2"), 0o644)]
    one, two = (write_files_layer(each, io.BytesIO(), merged_usr=True) for each in (files, files[::-1]))
    assert one == two


@pytest.mark.parametrize(
    ("destinations", "message"),
    [
        (["app/x"], "not absolute"),
        (["/app/../etc/passwd"], "not a path"),
        (["//app"], "not a path"),
        (["/app/"], "not a path"),
        (["/"], "not a path"),
        (["/app/x", "/app/x"], "same destination"),
        (["/app/x", "/app/x/y"], "is a destination and a folder"),
    ],
)
def test_refuses(destinations: list[str], message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        paths_of(empty_files(*destinations))


def test_one_file_is_open_at_a_time() -> None:
    # A process may open some 1000 files; a folder of a workspace may hold more.
    opened: list[io.BytesIO] = []

    def open_next() -> io.BytesIO:
        assert all(file.closed for file in opened)
        opened.append(io.BytesIO(b"x"))
        return opened[-1]

    write_files_layer([(f"/{n}", open_next, 0o644) for n in range(5)], io.BytesIO(), merged_usr=True)
    assert len(opened) == 5
    assert opened[-1].closed


def test_folders_of_a_base_stay_as_it_has_them() -> None:
    folders = {"home/app": (0o700, 1000, 1000), "tmp": (0o755, 0, 0)}
    files = empty_files("/home/app/x", "/tmp/x")
    entries = write_files_layer(files, io.BytesIO(), merged_usr=False, folders=folders).entries
    named = {entry.path: (entry.mode, entry.uid, entry.gid) for entry in entries}
    assert named["home/app"] == (0o700, 1000, 1000)
    assert named["tmp"] == named["home"] == (0o755, 0, 0)
    assert named["home/app/x"] == (0o644, 0, 0)
