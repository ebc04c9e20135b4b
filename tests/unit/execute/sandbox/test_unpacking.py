"""Unpacked layers: what other tools pack, what lies, and several processes at once."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.identity import find_identity
from envbuild.execute.sandbox.roots import Blob, Roots, remove_below
from tests.makers.debian import entry, folder, link, make_tar
from tests.makers.processes import start_python
from tests.makers.roots import Machine

Entry = tuple[tarfile.TarInfo, bytes]
zstd = zstandard.ZstdCompressor().compress


def blob(place: Path, data: bytes) -> Blob:
    name = hashlib.sha256(data).hexdigest()
    (place / f"{name}.blob").write_bytes(data)
    return Blob(name, place / f"{name}.blob")


def unpack(place: Path, data: bytes, *, all_root: bool = False) -> Path:
    (root,) = Roots(place, find_identity(), all_root=all_root).unpack([blob(place, data)])
    return Path(root)


def tar(*entries: Entry) -> bytes:
    return make_tar(list(entries))


def hard(name: str, target: str) -> Entry:
    return entry(name, type=tarfile.LNKTYPE, linkname=target)


def device(name: str) -> Entry:
    return entry(name, type=tarfile.CHRTYPE, devmajor=1, devminor=3)


PLAIN = tar(folder("d"), entry("d/x", b"data", 0o640), entry("y", b"y" * 3_000_000))


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        gzip.compress(PLAIN),
        gzip.compress(PLAIN[:700]) + gzip.compress(PLAIN[700:]),
        zstd(PLAIN),
        zstd(PLAIN[:700]) + zstd(PLAIN[700:]),
    ],
    ids=["tar", "gzip", "gzip of two members", "zstd", "zstd of two frames"],
)
def test_however_it_is_compressed(tmp_path: Path, data: bytes) -> None:
    root = unpack(tmp_path, data)
    assert (root / "d/x").read_bytes() == b"data"
    assert (root / "y").stat().st_size == 3_000_000
    assert (root.parent / "size").read_text() == "3000004"


def test_modes_times_and_links(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        data = tar(
            *(folder("./", 0o711), folder("./d/", 0o1777), entry("./d/s", b"s", 0o4755)),
            *(link("d/l", "/etc/passwd"), hard("d/h", "./d/s")),
            entry("d/p", type=tarfile.FIFOTYPE, mode=0o600),
        )
        root = unpack(tmp_path, data)
    finally:
        os.umask(before)
    modes = {path.name: oct(stat.S_IMODE(path.lstat().st_mode)) for path in (root / "d").iterdir()}
    assert modes == {"s": "0o4755", "l": "0o777", "h": "0o4755", "p": "0o600"}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (root, root / "d")] == [0o711, 0o1777]
    assert (root / "d/s").stat().st_ino == (root / "d/h").stat().st_ino
    assert {path.lstat().st_mtime for path in (root / "d", *(root / "d").iterdir())} == {1_700_000_000}
    assert os.readlink(root / "d/l") == "/etc/passwd"  # noqa: PTH115


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([entry("../x")], "'../x' leads out of its layer"),
        ([entry("a/../../x")], "leads out of its layer"),
        ([entry("x"), hard("h", "../../x")], "'../../x' leads out"),
        (
            [entry("h", type=tarfile.LNKTYPE, linkname="/etc/passwd")],
            "'h' is a hard link to '/etc/passwd': No such",
        ),
        (
            [link("l", "/etc"), entry("h", type=tarfile.LNKTYPE, linkname="l/passwd")],
            "is a hard link to 'l/passwd'",
        ),
        ([entry("x", type=tarfile.CHRTYPE, devmajor=1, devminor=3)], "holds the device 'x'"),
        ([entry("x"), entry("x/y")], "/x"),
        ([folder("x"), entry("x")], "'x' is there as a folder and as something else"),
        ([link("l", "l"), entry("l/x")], "/l"),
        ([entry(".wh.")], "'.wh.' marks nothing as gone"),
        ([entry(".wh...")], "'.wh...' marks nothing as gone"),
        ([entry("n" * 300)], "File name too long"),
        ([entry("d/" * 3000 + "x")], "lies more than .* folders deep"),
    ],
)
def test_layers_that_lie(tmp_path: Path, entries: Sequence[Entry], words: str) -> None:
    with pytest.raises(BuildError, match=words):
        unpack(tmp_path, tar(*entries))
    assert list(tmp_path.glob("roots/*/*/*/*")) == []


def test_links_lead_nowhere_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    data = tar(
        link("l", str(outside)),
        entry("l/x", b"x"),
        entry("/abs", b"x"),
        entry("s/x"),
        link("s/up", "../../../.."),
    )
    with pytest.raises(BuildError, match="/l"):  # there is no such folder in the layer
        unpack(tmp_path, data)
    root = unpack(tmp_path, tar(folder("in"), link("l", "/in"), entry("l/x", b"x"), entry("/abs", b"x")))
    assert (root / "in/x").read_bytes() == b"x"
    assert (root / "abs").read_bytes() == b"x"
    assert list(outside.iterdir()) == []
    assert not Path("/abs").exists()


def test_damage_leaves_nothing(tmp_path: Path) -> None:
    for data in (PLAIN[:2_000_000], gzip.compress(PLAIN)[:-9], zstd(PLAIN)[:-9], b"\x1f\x8bno", b"no tar"):
        with pytest.raises(BuildError):
            unpack(tmp_path, data)
    assert list(tmp_path.glob("roots/*/*/*")) == list(tmp_path.glob("roots/*/*/.new"))
    assert list(tmp_path.glob("roots/*/*/.new/*")) == []


def test_later_entries_win(tmp_path: Path) -> None:
    root = unpack(tmp_path, tar(entry("x", b"1"), link("y", "x"), entry("x", b"2"), entry("y", b"3")))
    assert [(root / name).read_bytes() for name in "xy"] == [b"2", b"3"]


def test_devices_below_dev_are_not_unpacked(tmp_path: Path) -> None:
    root = unpack(tmp_path, tar(folder("dev"), device("dev/null")))
    assert list((root / "dev").iterdir()) == []


def test_what_layers_take_away(machine: Machine, busybox: bytes) -> None:
    lower = tar(folder("d"), entry("d/a"), entry("d/b"), entry("f"), folder("g"), entry("g/x"))
    upper = tar(
        entry("d/.wh..wh..opq"), entry("d/c"), entry(".wh.f"), entry(".wh.g"), folder("g"), entry("g/y")
    )
    assert machine.tell([busybox, lower, upper], "ls d g; ls f || true") == [
        *("d:", "c", "", "g:", "y"),
        "ls: f: No such file or directory",
    ]


def test_marks_of_the_kernel_are_not_taken_from_layers(machine: Machine, busybox: bytes) -> None:
    # Whoever wrote such marks could show files of other layers, or hide them.
    marks = {f"SCHILY.xattr.{family}.overlay.opaque": "y" for family in ("trusted", "user")}
    info = tarfile.TarInfo("etc")
    info.type, info.mode, info.pax_headers = tarfile.DIRTYPE, 0o755, marks
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    assert machine.tell([busybox, out.getvalue()], "ls /etc/passwd") == ["/etc/passwd"]


def test_more_layers_than_a_page_of_paths_can_name(machine: Machine, busybox: bytes) -> None:
    layers = [tar(entry(f"file{n}", str(n).encode())) for n in range(126)]
    assert machine.tell([busybox, *layers], "ls / | grep -c file; cat file125") == ["126", "125"]


UNPACK = """
import sys
from pathlib import Path
from envbuild.execute.sandbox.identity import find_identity
from envbuild.execute.sandbox.roots import Blob, Roots
place, name = Path(sys.argv[1]), sys.argv[2]
sys.stdin.read()
print(Roots(place, find_identity()).unpack([Blob(name, place / f"{name}.blob")]))
"""


def test_several_processes_unpack_once(tmp_path: Path) -> None:
    layer = blob(tmp_path, PLAIN)
    processes = [start_python(UNPACK, tmp_path, layer.sha256) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    outputs = {process.stdout.read() for process in processes if process.stdout is not None}
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(outputs) == 1
    (root,) = tmp_path.glob("roots/*/*/*/root")
    assert str(root) in outputs.pop()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    root = unpack(tmp_path, PLAIN)
    left = root.parents[1] / ".new" / "half"
    left.mkdir()
    (left / "x").write_text("x")
    unpack(tmp_path, tar(entry("other")))
    assert not left.exists()


def test_a_folder_is_emptied_without_following_links(tmp_path: Path) -> None:
    outside, doomed = tmp_path / "outside", tmp_path / "doomed"
    for made in (outside, doomed):
        (made / "a/b").mkdir(parents=True)
        (made / "a/b/file").write_text("x")
    (doomed / "link").symlink_to(outside)
    remove_below([doomed], find_identity())
    assert list(doomed.iterdir()) == []
    assert (outside / "a/b/file").exists()


def test_a_folder_of_any_depth_is_emptied(tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(40):  # 10,000 bytes: no call takes such a path
            for name in ("n" * 250, "empty"):
                Path(name).mkdir()
            Path("file").touch()
            os.chdir("n" * 250)
    finally:
        os.chdir(here)
    remove_below([tmp_path], find_identity())
    assert list(tmp_path.iterdir()) == []


def test_everything_may_belong_to_root(tmp_path: Path) -> None:
    data = tar(entry("mail", uid=8, gid=8))
    root = unpack(tmp_path, data, all_root=True)
    found = (root / "mail").stat()
    alone = find_identity().single
    assert (found.st_uid == os.geteuid()) == alone
    assert root.parents[1].name.endswith("-all-root") == alone
