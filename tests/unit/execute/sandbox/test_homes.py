"""Where control groups can be made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from envbuild.execute.sandbox.homes import find_homes, prepare_homes

V2 = "31 23 0:28 {root} {place} rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "30 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "31 23 0:28 {root} {place}/memory rw,relatime - cgroup cgroup rw,memory\n"
    "32 23 0:29 {root} {place}/pids rw,relatime shared:9 - cgroup cgroup rw,pids\n"
)
OWN_V1 = "9:name=systemd:/\n8:pids:/own\n4:memory:/own\n0::/own\n"
# The mounts, our groups, the folders there with the controllers that are on below, and the homes.
HOMES: Mapping[str, tuple[str, str, str, Mapping[str, str], tuple[str, str] | None]] = {
    "beside ours": (
        "/",
        V2,
        "0::/slice/own\n",
        {"slice": "cpu memory pids", "slice/own": ""},
        ("slice", "slice"),
    ),
    "below ours": (
        "/",
        V2,
        "0::/slice/own\n",
        {"slice": "memory pids", "slice/own": "memory pids"},
        ("slice/own", "slice/own"),
    ),
    "not all controllers": ("/", V2, "0::/slice/own\n", {"slice": "cpu pids", "slice/own": ""}, None),
    "not above what is mounted": ("/", V2, "0::/\n", {".": "", "..": "memory pids"}, None),
    "a group out of sight": ("/", V2, "0::/../other\n", {"other": "memory pids"}, None),
    "version 1": ("/", V1, OWN_V1, {"memory/own": "", "pids/own": ""}, ("memory/own", "pids/own")),
    "version 1 in a container": (
        "/docker/1",
        V1,
        OWN_V1.replace("/own", "/docker/1/own"),
        {"memory/own": "", "pids/own": ""},
        ("memory/own", "pids/own"),
    ),
    "version 1 without processes": ("/", V1, OWN_V1, {"memory/own": ""}, None),
    "version 2 without controllers, and version 1": (
        "/",
        V2.replace("{place}", "{place}/unified") + V1,
        OWN_V1,
        {"unified/own": "hugetlb", "unified": "hugetlb", "memory/own": "", "pids/own": ""},
        ("memory/own", "pids/own"),
    ),
    "nothing mounted": ("/", "", OWN_V1, {}, None),
}


@pytest.mark.parametrize(("root", "mounts", "own", "folders", "homes"), HOMES.values(), ids=HOMES)
def test_where_groups_can_be_made(
    root: str,
    mounts: str,
    own: str,
    folders: Mapping[str, str],
    homes: tuple[str, str] | None,
    tmp_path: Path,
) -> None:
    place, proc = tmp_path / "place/mounted", tmp_path / "proc"
    place.mkdir(parents=True)
    proc.mkdir()
    for name, controllers in folders.items():
        (place / name).mkdir(parents=True, exist_ok=True)
        (place / name / "cgroup.procs").touch()
        (place / name / "cgroup.subtree_control").write_text(controllers)
    (proc / "mountinfo").write_text(mounts.format(root=root, place=place))
    (proc / "cgroup").write_text(own)
    expected = (
        None if homes is None else dict(zip(("memory", "pids"), map(place.joinpath, homes), strict=True))
    )
    assert find_homes(proc) == expected


# The top that is to be seen and our group, the files that differ in that, and whether it is divided.
GROUPS: Mapping[str, tuple[str, Mapping[str, str], bool]] = {
    "the user's own": ("..", {}, True),
    "a container's": (".", {}, True),
    "without memory": (".", {"cgroup.controllers": "cpu pids"}, False),
    "threads": (".", {"cgroup.type": "domain threaded"}, False),
    "the machine's first": (".", {"cgroup.type": ""}, False),
}


def make_group(folder: Path, processes: str = "") -> Path:
    folder.mkdir()
    (folder / "cgroup.procs").write_text(processes)
    (folder / "cgroup.subtree_control").touch()
    (folder / "cgroup.controllers").write_text("cpu memory pids")
    (folder / "cgroup.type").write_text("domain")
    return folder


@pytest.mark.parametrize(("top", "files", "divided"), GROUPS.values(), ids=GROUPS)
def test_a_group_that_is_given_to_us_is_divided(
    top: str, files: Mapping[str, str], divided: bool, tmp_path: Path
) -> None:
    own = make_group(tmp_path / "own", "12\n")
    for name, text in files.items():
        (own / name).write_text(text)
    if os.geteuid() == 0 and top == "..":
        divided = False  # root owns all, so that says nothing
    place = (own / top).resolve()
    (tmp_path / "mountinfo").write_text(V2.format(root="/", place=place))
    (tmp_path / "cgroup").write_text(f"0::/{own.relative_to(place)}\n".replace("/.", "/"))
    assert prepare_homes(tmp_path) == (dict.fromkeys(("memory", "pids"), own) if divided else None)
    assert (own / "cgroup.subtree_control").read_text() == ("+memory +pids" if divided else "")
    assert (own / "envbuild").exists() == divided
    if divided:
        assert (own / "envbuild/cgroup.procs").read_text() == "12"


def test_a_group_that_cannot_be_divided_is_as_it_was(tmp_path: Path) -> None:
    own = make_group(tmp_path / "own")
    (own / "cgroup.subtree_control").unlink()
    (own / "cgroup.subtree_control").mkdir()  # as good as a kernel that refuses
    (tmp_path / "mountinfo").write_text(V2.format(root="/", place=own))
    (tmp_path / "cgroup").write_text("0::/\n")
    assert prepare_homes(tmp_path) is None
    assert not (own / "envbuild").exists()
