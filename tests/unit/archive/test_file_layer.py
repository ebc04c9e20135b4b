"""Files at absolute destinations, and the folders that come with them."""

from __future__ import annotations

import io
import tarfile

import pytest

from envbuild.archive.file_layer import write_files_layer
from envbuild.core.errors import ArchiveError

Files = list[tuple[str, io.BytesIO, int]]


def paths_of(files: Files) -> list[str]:
    return [entry.path for entry in write_files_layer(files, io.BytesIO()).entries]


def test_files_keep_contents_and_modes_and_belong_to_root() -> None:
    out = io.BytesIO()
    write_files_layer([("/app/run", io.BytesIO(b"run"), 0o755), ("/app/data", io.BytesIO(b""), 0o640)], out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        seen = {
            m.name: (m.mode, m.uid, file.read() if (file := archive.extractfile(m)) else None)
            for m in archive
        }
    assert seen == {"app": (0o755, 0, None), "app/data": (0o640, 0, b""), "app/run": (0o755, 0, b"run")}


@pytest.mark.parametrize(
    ("destination", "named"),
    [
        pytest.param("/app/a/b/file", ["app", "app/a", "app/a/b", "app/a/b/file"], id="all ours"),
        pytest.param("/etc/app.conf", ["etc/app.conf"], id="the base's folder"),
        pytest.param("/usr/bin/tool", ["usr/bin/tool"], id="a folder that may be linked to"),
        pytest.param("/bin/tool", ["bin/tool"], id="a folder that may be a link"),
        pytest.param(
            "/etc/ssl/certs/ours/ca.pem", ["etc/ssl/certs/ours", "etc/ssl/certs/ours/ca.pem"], id="mixed"
        ),
        pytest.param("/opt/env/x", ["opt/env", "opt/env/x"], id="the prefix is ours, what is above is not"),
        pytest.param("/top", ["top"], id="in the root"),
    ],
)
def test_only_folders_that_no_base_has_are_named(destination: str, named: list[str]) -> None:
    assert paths_of([(destination, io.BytesIO(b"x"), 0o644)]) == named


def test_the_order_of_files_is_irrelevant() -> None:
    files: Files = [("/a/1", io.BytesIO(b"1"), 0o644), ("/a/2", io.BytesIO(b"2"), 0o644)]
    assert write_files_layer(files, io.BytesIO()) == write_files_layer(files[::-1], io.BytesIO())


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
        paths_of([(path, io.BytesIO(b""), 0o644) for path in destinations])
