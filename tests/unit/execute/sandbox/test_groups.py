"""Control groups: where they can be made, and what they hold for all processes of a step together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.groups import find_homes, open_group
from envbuild.execute.sandbox.sandbox import Limits
from envbuild.execute.steps import StepSettings
from tests.makers.roots import Machine

LIMITS = Limits(memory=50_000_000, processes=40)
BOMB = "while true; do sleep 1000 & done"
# Each within its limit, all together not.
GREEDY = "for n in 1 2 3 4; do dd if=/dev/zero of=/dev/null bs=20M count=20 2>&- & done; wait; false"

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


def test_a_group_goes_with_its_step() -> None:
    homes = find_homes()
    if homes is None:
        return  # the kernel lets nobody like us make any: steps are limited otherwise
    left = [home / "envbuild-4194305-0" for home in set(homes.values())]  # no process has such a number
    for folder in left:
        folder.mkdir()
    with open_group(homes, LIMITS) as group:
        assert not any(folder.exists() for folder in left)
        assert all(Path(door).read_text() == "" for door in group.doors)
        assert not group.starved()
    assert not any(folder.exists() for folder in group.folders)


def test_what_a_limit_says_of_processes(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path, StepSettings(limits=LIMITS))
    with pytest.raises(BuildError, match="can't fork"):
        machine.script([busybox], BOMB)
    machine.script([busybox], "sleep 0")


def test_memory_is_of_all_processes_where_there_are_groups(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path, StepSettings(limits=LIMITS))
    with pytest.raises(BuildError) as caught:
        machine.script([busybox], GREEDY)
    grouped = find_homes() is not None
    assert (
        "(killed: out of memory, of which the step may have 50,000,000 bytes)" in str(caught.value)
    ) == grouped
    assert ("`--step-memory`" in caught.value.hint) == grouped
    with pytest.raises(BuildError, match=r"out of memory|can't alloc"):
        machine.script([busybox], "dd if=/dev/zero of=/dev/null bs=100M count=1")


def test_a_step_does_not_see_the_names_of_groups(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path, StepSettings(limits=LIMITS))
    lines = machine.tell([busybox], "cat /proc/self/cgroup")
    assert {line.split(":")[2] for line in lines} == {"/"}
