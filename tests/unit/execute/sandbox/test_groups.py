"""Control groups: what they hold for all processes of a step together."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.groups import open_group
from envbuild.execute.sandbox.homes import prepare_homes
from envbuild.execute.sandbox.sandbox import Limits
from envbuild.execute.steps import StepSettings
from tests.makers.roots import Machine

LIMITS = Limits(memory=50_000_000, processes=40)
BOMB = "while true; do sleep 1000 & done"
# Each within its limit, all together not: none ends before all have begun to write what they hold.
GREEDY = (
    "mkdir /four; cd /four; mkfifo 4 5 6 7; "
    "for n in 4 5 6 7; do dd if=/dev/zero of=$n bs=20M count=1 2>&- & done; "
    "exec 4<4 5<5 6<6 7<7; "
    "for n in 4 5 6 7; do head -c 1 <&$n; done >/dev/null; "
    "for n in 4 5 6 7; do cat <&$n; done >/dev/null; wait; false"
)


def test_a_group_goes_with_its_step() -> None:
    homes = prepare_homes()
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
    grouped = prepare_homes() is not None
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
