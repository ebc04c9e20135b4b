"""Checking locks: everything that is wrong is told, and told once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envbuild.core.errors import LockError
from envbuild.core.label import Label
from envbuild.graph.analyze import Analyzer
from envbuild.graph.freshness import check_locks
from envbuild.lock.files import LockFiles
from envbuild.spec.requirements import Requirements
from tests.makers.targets import RULES, World, make_locked


@dataclass
class Folder:
    """Targets whose locks are files of a folder."""

    root: Path
    world: World = field(default_factory=World)

    def check(self, *labels: Label) -> None:
        files = LockFiles(self.root, lambda path: None)
        analyzer = Analyzer(self.world.targets.__getitem__, files.read, RULES, self.world.settings)
        check_locks(labels, analyzer, files)

    def write(self, label: Label) -> Label:
        LockFiles(self.root, lambda path: None).write(label, self.world.locks[label])
        return label


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_fresh_locks(folder: Folder) -> None:
    base = folder.write(folder.world.debian("base", [make_locked("python3.11", kind="deb")]))
    app = folder.write(folder.world.environment("app", [make_locked("numpy")], base=base))
    folder.check(base, app)


def test_every_fault_is_named(folder: Folder) -> None:
    """Also behind a lock that another stands on, and behind a broken one."""
    stale = folder.write(folder.world.environment("stale", [make_locked("numpy")]))
    folder.world.restate(stale, pip=Requirements(requirements=("six",)))
    broken = folder.write(folder.world.environment("broken"))
    (folder.root / "broken.lock.json").write_text("{")
    base = folder.world.debian("base", [make_locked("python3.11", kind="deb")])
    child = folder.write(folder.world.environment("child", base=base))
    with pytest.raises(LockError) as caught:
        folder.check(broken, base, child, stale)
    first, *lines = caught.value.message.splitlines()
    assert first.startswith("`broken.lock.json` is broken: ")
    assert lines == [
        "`//:base` has no lock",
        "`//:child` can be checked once what it stands on is locked",
        "the lock of `//:stale` is stale:",
        "  `six` is not locked, but it is required",
        "  `numpy` is no longer required",
    ]
    assert caught.value.hint == "run `envbuild lock //:base //:broken //:child //:stale`"
