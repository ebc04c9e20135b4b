"""What several layers amount to, and what is read from the files of a root."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

import pytest

from envbuild.archive.decompress import open_compressed
from envbuild.archive.root_facts import (
    find_alternatives,
    find_facts,
    find_groups,
    find_packages,
    find_users,
    is_telling,
)
from envbuild.archive.root_scan import RootScan
from envbuild.core.errors import ArchiveError
from tests.makers.debian import entry, folder, link, make_tar

Entry = tuple[tarfile.TarInfo, bytes]


def scan(*layers: Sequence[Entry]) -> RootScan:
    root = RootScan(is_telling)
    for entries in layers:
        root.add_layer(open_compressed(io.BytesIO(make_tar(entries)), "", limit=1 << 20))
    return root


def owned(name: str) -> Entry:
    """A folder of a user's."""
    return entry(name, mode=0o755, type=tarfile.DIRTYPE, uid=7)


def test_a_whiteout_removes_what_lies_below() -> None:
    root = scan([folder("a/"), entry("a/b/c", b"1"), entry("a/d", b"2")], [entry("a/.wh.b", b"")])
    assert not root.exists("a/b/c")
    assert root.names("a") == ("d",)


def test_an_opaque_folder_hides_the_layers_below_and_nothing_of_its_own() -> None:
    below = [folder("a/"), entry("a/old", b""), folder("a/sub/"), entry("a/sub/old", b"")]
    above = [folder("a/sub/"), entry("a/sub/new", b""), entry("a/.wh..wh..opq", b"")]
    root = scan(below, above)
    assert not root.exists("a/old")
    assert not root.exists("a/sub/old")
    assert root.exists("a/sub/new")


@pytest.mark.parametrize("mark", ["a/.wh..wh..opq", ".wh.a"])
def test_marks_behind_files_whose_folders_are_named_last(mark: str) -> None:
    """As in our own layers."""
    below = [entry("a/old", b""), entry("a/sub/old", b"")]
    above = [
        entry("a/sub/deep/new", b""),
        entry(mark, b""),
        folder("a/"),
        folder("a/sub/"),
        folder("a/sub/deep/"),
    ]
    root = scan(below, above)
    assert not root.exists("a/old")
    assert not root.exists("a/sub/old")
    assert root.exists("a/sub/deep/new")


@pytest.mark.parametrize("before", [entry("a", b"file"), link("a", "elsewhere")])
def test_a_folder_in_the_place_of_something_else_that_is_named_last(before: Entry) -> None:
    root = scan([before], [entry("a/b/new", b""), folder("a/"), folder("a/b/")])
    assert root.nodes["a"].is_folder
    assert root.exists("a/b/new")


def test_a_file_in_the_place_of_a_folder_removes_what_was_in_it() -> None:
    root = scan([folder("a/"), entry("a/b", b"")], [entry("a", b"file")])
    assert not root.exists("a/b")


def test_links_to_folders_are_resolved_to_the_end() -> None:
    root = scan(
        [folder("usr/"), folder("usr/bin/"), link("bin", "usr/bin"), link("two", "/bin"), link("gone", "x")]
    )
    assert root.links_to_folders() == {"bin": "usr/bin", "two": "usr/bin"}


def test_a_circle_of_links_leads_nowhere() -> None:
    root = scan([link("a", "b"), link("b", "a")])
    assert root.links_to_folders() == {}


def test_folders_are_told_where_they_differ_from_their_parents() -> None:
    root = scan(
        [
            folder("tmp/", 0o1777),
            folder("home/"),
            owned("home/me/"),
            owned("home/me/x/"),
        ]
    )
    assert list(root.special_folders()) == ["home/me", "tmp"]


def test_deep_is_no_recursion() -> None:
    deep = "/".join(["d"] * 128)
    root = scan([entry(deep, b"")], [entry(".wh.d", b"")])
    assert not root.exists(deep)


@pytest.mark.parametrize("path", ["d/" * 128 + "d", "n" * 256, "/".join(["n" * 200] * 21)])
def test_paths_that_no_system_needs_are_refused(path: str) -> None:
    # Each folder above is kept with its whole path: one name of 64 KiB would make a GiB of them.
    with pytest.raises(ArchiveError, match=r"too long|folders deep"):
        scan([entry(path, b"")])


def test_a_link_with_a_way_without_end_leads_nowhere() -> None:
    root = scan([folder("a/"), link("far", "a/../" * 10_000 + "a"), link("near", "a/../a")])
    assert root.links_to_folders() == {"near": "a"}


def test_numbers_of_users_are_numbers() -> None:
    root = scan(
        [entry("etc/passwd", "a:x:\uff11:0::\nb:x:-1:0::\nc:x:99999999999:0::\nd:x:1:2::\n".encode())]
    )
    assert find_users(root) == {"d": "1:2"}


def test_a_library_of_words_without_end_is_read_once() -> None:
    # In quadratic time, this would run for hours.
    root = scan([entry("usr/lib/libc.so.6", b"GNU C Library " * 50_000)])
    assert find_facts(root) == {}


@pytest.mark.parametrize("name", ["../etc/passwd", "a/../../etc", "a/..", ".."])
def test_names_that_lead_out_are_refused(name: str) -> None:
    for hostile in (entry(name, b""), entry("a", type=tarfile.LNKTYPE, linkname=name)):
        with pytest.raises(ArchiveError, match="leads out of its archive"):
            scan([hostile])


def test_a_hard_link_to_nothing_is_refused() -> None:
    with pytest.raises(ArchiveError, match="a hard link to nothing"):
        scan([entry("a", type=tarfile.LNKTYPE, linkname="b")])


GLIBC = b"\0GNU C Library (Debian GLIBC 2.36-9+deb12u8) stable release version 2.36.\n"


def test_the_facts_of_debian() -> None:
    root = scan(
        [
            entry("usr/lib/x86_64-linux-gnu/libc.so.6", GLIBC),
            entry("usr/bin/python3.11", b"\0" + b"3.11.2\0"),
            entry("usr/bin/python3.9", b"\0" + b"3.9.2\0"),
            link("usr/bin/python3", "python3.11"),
            entry("etc/passwd", b"root:x:0:0::/:\nme:x:7:8::/home/me:/bin/sh\nbroken\n"),
            entry("etc/group", b"root:x:0:\nus:x:8:me\n"),
            entry(
                "var/lib/dpkg/status",
                b"Package: a\nVersion: 1\nArchitecture: all\nStatus: install ok installed\n\n"
                b"Package: b\nVersion: 2\nStatus: deinstall ok config-files\n",
            ),
        ]
    )
    assert find_facts(root) == {
        "libc": "glibc 2.36",
        "python": "3.11.2",
        "interpreter": "/usr/bin/python3.11",
        "interpreters": "/usr/bin/python3.9=3.9.2",
    }
    assert find_users(root) == {"root": "0:0", "me": "7:8"}
    assert find_groups(root) == {"root": "0", "us": "8"}
    assert find_packages(root) == ("a 1 all",)


def test_the_python_of_the_official_image_is_told_by_its_headers() -> None:
    root = scan(
        [
            entry("lib/ld-musl-x86_64.so.1", b"\0" + b"1.2.5\0"),
            entry("usr/local/bin/python3.12", b""),
            entry("usr/local/include/python3.12/patchlevel.h", b'#define PY_VERSION   "3.12.7+"\n'),
        ]
    )
    assert find_facts(root) == {
        "libc": "musl 1.2",
        "python": "3.12.7",
        "interpreter": "/usr/local/bin/python3.12",
    }


def test_packages_of_a_distroless_image() -> None:
    stanza = b"Package: tzdata\nVersion: 2026a\nArchitecture: all\n"
    root = scan(
        [entry("var/lib/dpkg/status.d/tzdata", stanza), entry("var/lib/dpkg/status.d/tzdata.md5sums", b"")]
    )
    assert find_packages(root) == ("tzdata 2026a all",)


def test_the_suite_and_the_alternatives_of_debian() -> None:
    awk = "auto\n/usr/bin/awk\nawk.1.gz\n/usr/share/man/man1/awk.1.gz\n\n"
    awk += "/usr/bin/mawk\n5\n/usr/share/man/man1/mawk.1.gz\n/usr/bin/gawk\n10\n\n\n"
    root = scan(
        [
            link("etc/os-release", "../usr/lib/os-release"),
            entry("usr/lib/os-release", b'ID=debian\nVERSION_CODENAME="bookworm"\n'),
            entry("var/lib/dpkg/alternatives/awk", awk.encode()),
            entry("var/lib/dpkg/alternatives/vi", b"manual\n/usr/bin/vi\n\n/usr/bin/nano\n3\n\n"),
            entry("var/lib/dpkg/alternatives/odd", b"auto\n/usr/bin/odd\n\n"),
        ]
    )
    assert find_facts(root) == {"suite": "bookworm"}
    # What somebody chose gives way to nothing.
    assert find_alternatives(root) == {"awk": 10, "vi": (1 << 31) - 1}


@pytest.mark.parametrize("line", ["VERSION_CODENAME=", "VERSION_CODENAME=a\x1bb", "XVERSION_CODENAME=a"])
def test_a_suite_that_is_none(line: str) -> None:
    assert find_facts(scan([entry("etc/os-release", line.encode())])) == {}
