"""Who may own a path that somebody else owns, too."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from envbuild.archive.layer import LayerWriter
from envbuild.archive.listing import encode_listing
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.execute.paths import check_paths
from envbuild.rule.builtins import CHECKED, LAYER, LISTING
from envbuild.store.disk import DiskStore

FOLDER = None  # in the place of a file's contents
Link = str  # a link's target
Contents = bytes | Link | None
Check = Callable[..., bytes]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Checks owners, each given by name with its paths; what it says is the builtin's output."""
    store = DiskStore(tmp_path)

    def check(overriding: tuple[int, ...] = (), **owners: Mapping[str, Contents]) -> bytes:
        inputs: dict[str, Path] = {}
        for n, paths in enumerate(owners.values()):
            inputs |= {f"{n:04}/{name}": path for name, path in write_owner(store, paths).items()}
        with store.writer() as out:
            check_paths(Job({"owners": list(owners), "overriding": list(overriding)}, inputs, {CHECKED: out}))
            return store.read(out.commit())

    return check


def write_owner(store: DiskStore, paths: Mapping[str, Contents]) -> dict[str, Path]:
    out = io.BytesIO()
    layer = LayerWriter(out)
    for path, contents in paths.items():
        if contents is FOLDER:
            layer.directory(path)
        elif isinstance(contents, bytes):
            layer.file(path, contents)
        else:
            layer.symlink(path, contents)
    listing = encode_listing(layer.finish().entries)
    return {LAYER: store.path(store.put(out.getvalue())), LISTING: store.path(store.put(listing))}


def test_paths_of_one_owner_each(check: Check) -> None:
    assert check(a={"opt": FOLDER, "opt/a": b"1"}, b={"opt": FOLDER, "opt/b": b"2"}).endswith(b"\n")


def test_one_path_with_the_same_bytes(check: Check) -> None:
    # Vendors ship one `nvidia/__init__.py` in several wheels.
    assert check(a={"x": b"same", "y": b"also"}, b={"x": b"same", "y": b"also"}, c={"x": b"same"})


def test_one_path_with_other_bytes_names_both_owners(check: Check) -> None:
    with pytest.raises(BuildError, match="`a` and `c` both own `/x`, with different contents") as caught:
        check(a={"x": b"1"}, b={"y": b"1"}, c={"x": b"22"})
    assert "hint: " in str(caught.value)


def test_bytes_count_where_the_checksum_is_the_same(check: Check) -> None:
    # Two texts of one length and CRC-32: a CRC proves no equality.
    with pytest.raises(BuildError, match="`/x`"):
        check(a={"x": b"plumless"}, b={"x": b"buckeroo"})


def test_many_conflicts_are_counted(check: Check) -> None:
    first, second = ({f"f{n}": bytes([n, side]) for n in range(8)} for side in (0, 1))
    with pytest.raises(BuildError) as caught:
        check(a=first, b=second)
    assert [line.partition(",")[0] for line in caught.value.message.splitlines()] == [
        *(f"`a` and `b` both own `/f{n}`" for n in range(5)),
        "and 3 more such paths",
    ]


@pytest.mark.parametrize("upper", [b"mine", "link"])
@pytest.mark.parametrize("lower", [b"theirs", "elsewhere", FOLDER])
def test_files_override_what_lies_below(check: Check, lower: Contents, upper: Contents) -> None:
    assert check(overriding=(1,), package={"x": lower}, files={"x": upper})


def test_nothing_overrides_what_lies_above(check: Check) -> None:
    """The package's file would win over the user's own, unseen."""
    with pytest.raises(BuildError, match="`files` and `package` both own `/x`"):
        check(overriding=(0,), files={"x": b"mine"}, package={"x": b"theirs"})


@pytest.mark.parametrize(
    ("package", "files"),
    [
        # /var/run is a link of the base: a folder there would hide /run from all who go by that name.
        pytest.param({"var/run": "../run"}, {"var/run": FOLDER, "var/run/x": b""}, id="folder over link"),
        pytest.param({"etc/x": b"1"}, {"etc/x": FOLDER, "etc/x/y": b""}, id="folder over file"),
        pytest.param({"etc": FOLDER, "etc/x": b"1"}, {"etc": b"2"}, id="file over folder"),
    ],
)
def test_no_folder_is_overridden_nor_overrides(
    check: Check, package: Mapping[str, Contents], files: Mapping[str, Contents]
) -> None:
    with pytest.raises(BuildError, match="`package` and `files` both own"):
        check(overriding=(1,), package=package, files=files)
