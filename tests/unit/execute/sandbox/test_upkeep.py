from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from envbuild.core.errors import BuildError, StoreError
from envbuild.execute.sandbox.upkeep import FOLDERS, clear, prune
from envbuild.execute.steps import StepSettings
from envbuild.store.gc import Limits
from envbuild.store.lease import shared_lease
from tests.makers.roots import Machine

NOW = 1_000_000_000.0  # before this test's own uses
EVERYTHING = Limits(age=10**10, size=10**12)
CACHE: dict[str, Any] = {
    "type": "cache",
    "target": "/cache",
    "id": "c",
    "sharing": "shared",
    "mode": 0o755,
    "uid": 0,
    "gid": 0,
}


@pytest.fixture
def used(tmp_path: Path, busybox: bytes) -> Machine:
    """A machine that has done something, a year before `NOW`."""
    machine = Machine(tmp_path, StepSettings(keep_failed=True))
    owner = "" if machine.identity.single else "chown 5 /cache/x; chmod 700 /cache/x; "
    script = f"mkdir /cache/x; touch /cache/x/y; {owner}echo more > /more"
    lower = machine.script([busybox], script, mounts=[CACHE])
    with pytest.raises(BuildError):
        machine.script([busybox, lower], "mkdir /a; touch /a/b; chmod 0 /a; exit 1")
    for path in [*tmp_path.glob("*/*"), *tmp_path.glob("*/*/*"), *tmp_path.glob("roots/*/*/*")]:
        os.utime(path, (NOW - 3e7, NOW - 3e7), follow_symlinks=False)
    return machine


def left(machine: Machine) -> set[str]:
    """Which folders of sandboxes hold anything, looked at as who may see it."""
    names = {path.parts[-2] for name in FOLDERS for path in (machine.cache / name).glob("*")}
    return names & set(FOLDERS)


def layers(machine: Machine) -> list[Path]:
    return sorted(path.parent for path in machine.cache.glob("roots/*/*/*/size"))


def test_what_is_young_stays(used: Machine, busybox: bytes) -> None:
    before = layers(used)
    assert len(before) == 2
    assert prune(used.cache, EVERYTHING, NOW) == 0
    assert layers(used) == before
    assert left(used) == {"roots", "mounts", "failed", "logs"}


def test_what_is_old_goes_whoever_owns_it(used: Machine, busybox: bytes) -> None:
    sizes = sum(int((path / "size").read_text()) for path in layers(used))
    assert prune(used.cache, Limits(age=10**7, size=10**12), NOW) == sizes
    assert layers(used) == []
    assert [list(used.cache.glob(f"{name}/*")) for name in ("failed", "logs")] == [[], []]
    assert list(used.cache.glob("mounts/*/*")) == list(used.cache.glob("mounts/*/*.lock"))
    assert used.tell([busybox], "echo again") == ["again"]


def test_the_last_used_layers_are_kept_within_the_size(used: Machine, busybox: bytes) -> None:
    used.script([busybox], "true")
    (kept,) = [path for path in layers(used) if path.stat().st_mtime != NOW - 3e7]
    prune(used.cache, Limits(age=10**10, size=int((kept / "size").read_text())), NOW)
    assert layers(used) == [kept]


def test_layers_of_an_earlier_start_of_the_machine_go(used: Machine) -> None:
    (boot,) = used.cache.glob("roots/*")
    boot.rename(boot.with_name("earlier"))
    prune(used.cache, Limits(age=10**8, size=10**12), NOW)
    assert layers(used) == []


def test_not_while_a_build_runs(used: Machine) -> None:
    before = layers(used)
    with shared_lease(used.cache), pytest.raises(StoreError, match="in use"):
        prune(used.cache, Limits(age=0, size=0), NOW)
    assert layers(used) == before


def test_all_of_it_can_go(used: Machine) -> None:
    clear(used.cache)
    assert not any((used.cache / name).exists() for name in FOLDERS)


def test_a_cache_in_a_cache_goes(used: Machine, tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "tmp" / "x"
    inner.mkdir(parents=True)
    for name in FOLDERS:
        if (used.cache / name).exists():
            (used.cache / name).rename(inner / name)
    clear(tmp_path / "outer", "tmp")
    assert list((tmp_path / "outer").iterdir()) == []
