"""Locking: what is asked, what is written, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envbuild.build.lock import Change, Locker, Upgrade
from envbuild.core.errors import ResolveError, UsageError
from envbuild.core.label import Label
from envbuild.graph.analyze import Analyzer
from envbuild.graph.freshness import check_locks
from envbuild.lock.files import LockFiles
from envbuild.lock.model import (
    CondaQuestion,
    DebianQuestion,
    ImageQuestion,
    Locked,
    PlatformLock,
    PythonQuestion,
    Single,
)
from envbuild.spec.requirements import Requirements
from tests.makers.actions import Recorder
from tests.makers.targets import AMD64, ARM64, BOOKWORM, RULES, World, make_locked

APP = Label("", "app")


@dataclass
class Index:
    """A package index and its solver in miniature: the newest version, unless another is preferred."""

    versions: dict[str, str] = field(default_factory=dict)
    asked: list[Single] = field(default_factory=list)

    def resolve(self, question: Single) -> PlatformLock:
        self.asked.append(question)
        assert not isinstance(question, (ImageQuestion, CondaQuestion))
        names = question.packages if isinstance(question, DebianQuestion) else question.requirements
        if isinstance(question, DebianQuestion):
            return PlatformLock(tuple(make_locked(name, kind="deb") for name in names), BOOKWORM)
        return PlatformLock(tuple(self._choose(name, question) for name in names), {"python": "3.11"})

    def _choose(self, name: str, question: PythonQuestion) -> Locked:
        if name not in self.versions:
            raise ResolveError(f"there is no `{name}`")
        free = question.upgrade is None or name in question.upgrade
        known = None if free else question.preferences.get(name)
        return known or make_locked(name, self.versions[name])


@dataclass
class Desk:
    """Targets whose locks are files, and what locks them. A new analyzer each time, as in each command."""

    root: Path
    index: Index = field(default_factory=Index)
    world: World = field(default_factory=World)

    @property
    def files(self) -> LockFiles:
        return LockFiles(self.root, lambda path: None)

    @property
    def locker(self) -> Locker:
        files = self.files
        analyzer = Analyzer(self.world.targets.__getitem__, files.read, RULES, self.world.settings)
        return Locker(analyzer, files, self.index.resolve, Recorder())

    def environment(self, name: str, *requirements: str, **more: object) -> Label:
        bare = {} if "base" in more else {"base": "scratch", "libc": "glibc 2.36", "python": "3.11"}
        asked = Requirements(requirements=requirements)
        return self.world.declare("environment", name, pip=asked, **bare, **more)

    def contents(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.root.iterdir()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, Index({"numpy": "1.0", "six": "1.0"}))


def test_a_missing_lock_is_written(desk: Desk) -> None:
    (report,) = desk.locker.lock([desk.environment("app", "numpy", "six")], Upgrade())
    assert (report.written, report.stale, report.path.name) == (True, (), "app.lock.json")
    assert report.changes == (Change("numpy", "", "1.0"), Change("six", "", "1.0"))
    assert list(desk.contents()) == ["app.lock.json"]


def test_a_fresh_lock_is_left_alone_and_nobody_is_asked(desk: Desk) -> None:
    label = desk.environment("app", "numpy", "six")
    desk.locker.lock([label], Upgrade())
    before, desk.index.versions = desk.contents(), {"numpy": "2.0", "six": "2.0"}
    desk.index.asked.clear()
    desk.environment("app", "six", "numpy")
    (report,) = desk.locker.lock([label], Upgrade())
    assert (report.written, report.changes, desk.index.asked) == (False, (), [])
    assert desk.contents() == before


def test_only_what_the_spec_forces_moves(desk: Desk) -> None:
    label = desk.environment("app", "numpy")
    desk.locker.lock([label], Upgrade())
    desk.index.versions = {"numpy": "2.0", "six": "2.0"}
    desk.environment("app", "numpy", "six")
    (report,) = desk.locker.lock([label], Upgrade())
    assert report.changes == (Change("six", "", "2.0"),)
    assert report.stale == ("`six` is not locked, but it is required",)


def test_upgrades(desk: Desk) -> None:
    label = desk.environment("app", "numpy", "six")
    desk.locker.lock([label], Upgrade())
    desk.index.versions = {"numpy": "2.0", "six": "2.0"}
    (one,) = desk.locker.lock([label], Upgrade(packages=frozenset({"Six"})))
    assert one.changes == (Change("six", "1.0", "2.0"),)
    (rest,) = desk.locker.lock([label], Upgrade(everything=True))
    assert rest.changes == (Change("numpy", "1.0", "2.0"),)
    before = desk.contents()
    (same,) = desk.locker.lock([label], Upgrade(everything=True))
    assert (same.written, same.changes) == (False, ())
    assert desk.contents() == before


def test_a_package_that_no_lock_has(desk: Desk) -> None:
    label = desk.environment("app", "numpy")
    desk.locker.lock([label], Upgrade())
    with pytest.raises(UsageError, match="none of these locks has the package `nunpy`") as caught:
        desk.locker.lock([label], Upgrade(packages=frozenset({"nunpy"})))
    assert "`numpy`" in caught.value.hint


def test_nothing_is_written_where_a_target_fails(desk: Desk) -> None:
    label = desk.environment("app", "numpy")
    desk.locker.lock([label], Upgrade())
    before = desk.contents()
    good, bad = desk.environment("good", "six"), desk.environment("app", "gone")
    with pytest.raises(ResolveError):
        desk.locker.lock([bad], Upgrade())
    assert desk.contents() == before
    # What was locked before the failure stays: each lock stands for itself.
    with pytest.raises(ResolveError):
        desk.locker.lock([good, bad], Upgrade())
    assert desk.contents() == {**before, "good.lock.json": desk.contents()["good.lock.json"]}


def test_a_child_is_asked_with_what_its_parent_was_just_locked_to(desk: Desk) -> None:
    base = desk.world.declare("debian_base", "base", suite="bookworm", packages=("python3.11",))
    parent = desk.environment("parent", "numpy", base=base)
    child = desk.environment("child", "six", base=parent)
    desk.locker.lock([base, parent, child], Upgrade())
    question = desk.index.asked[-1]
    assert isinstance(question, PythonQuestion)
    assert {name: pin.version for name, pin in question.pins.items()} == {"numpy": "1.0"}
    check_locks([base, parent, child], desk.locker.analyzer, desk.files)


def test_equal_questions_are_asked_once(desk: Desk) -> None:
    labels = [desk.environment(name, "numpy") for name in ("one", "two")]
    desk.locker.lock(labels, Upgrade())
    assert len(desk.index.asked) == 1
    one, two = desk.contents().values()
    assert one == two


def test_each_platform_is_asked_for(desk: Desk) -> None:
    label = desk.environment("app", "numpy", platforms=(AMD64, ARM64))
    (report,) = desk.locker.lock([label], Upgrade())
    assert [question.facts.platform for question in desk.index.asked if hasattr(question, "facts")] == [
        AMD64,
        ARM64,
    ]
    # The same move on both is told once.
    assert report.changes == (Change("numpy", "", "1.0"),)


def test_a_broken_lock_is_replaced_and_said_so(desk: Desk) -> None:
    label = desk.environment("app", "numpy")
    (desk.root / "app.lock.json").write_text("{")
    (report,) = desk.locker.lock([label], Upgrade())
    assert report.written
    assert "`app.lock.json` is broken" in report.stale[0]
