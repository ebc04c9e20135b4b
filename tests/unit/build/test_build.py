"""What a target's report says: made, from caches, there already, or somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest

from envbuild.build.build import Builder, Origins, Registry
from envbuild.build.report import ActionCounts, Status
from envbuild.build.scheduler import ActionError, BuildReport, Scheduler
from envbuild.core.errors import RegistryError, StoreError
from envbuild.execute.builtin import BuiltinExecutor
from envbuild.execute.caching import CachingExecutor, FaultNotes
from envbuild.execute.table import BUILTINS, load_builtins
from envbuild.graph.goal import Goal
from envbuild.lock.model import Locked
from envbuild.oci.reference import Reference, RegistryName
from envbuild.oci.validate import check_image
from envbuild.publish.layout import LocalImages
from envbuild.publish.naming import Naming
from envbuild.publish.registry import RegistryPublisher
from envbuild.rule.declared import DeclaredAction
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.http import HttpClient
from envbuild.sources.registry import RegistryClient
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from envbuild.store.interrupt import Interrupt
from tests.makers.actions import Recorder
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.images import load_image, make_manifest
from tests.makers.targets import AMD64, ARM64, World, lock_wheel
from tests.makers.wheels import Wheel, make_wheel

WHEELS = (make_wheel("one", {"one.py": b"1\n"}), make_wheel("four", {"four.py": b"4\n"}))
CLASHING = make_wheel("other", {"one.py": b"other\n"})


def _refuse(layer: Locked) -> Reference:
    raise AssertionError(f"{layer.name}: there is no layer of another image")


@dataclass
class Machine:
    """A store with the real executors on it; `registry` is asked where there is one."""

    folder: Path
    registry: Registry | None = None
    naming: Naming = field(default_factory=Naming)
    keep_going: bool = False
    sink: Recorder = field(default_factory=Recorder)

    @property
    def store(self) -> DiskStore:
        return DiskStore(self.folder)

    @property
    def images(self) -> LocalImages:
        return LocalImages(self.folder, self.store)

    @property
    def builder(self) -> Builder:
        origins = Origins(_refuse, lambda layer: None)
        return Builder(self.store, self.images, self.run, self.sink, self.naming, origins, self.registry)

    def run(self, goals: Sequence[DeclaredAction]) -> BuildReport:
        for wheel in (*WHEELS, CLASHING):
            self.store.put(wheel.data)
        actions = DiskActionCache(self.folder / "actions")
        builtin = BuiltinExecutor(self.store, load_builtins(BUILTINS), 2)
        executor = CachingExecutor(builtin, actions, self.store, FaultNotes(self.sink))
        try:
            outcome = Scheduler(executor, self.sink, Interrupt(), 2, keep_going=self.keep_going).run(goals)
        finally:
            actions.close()
        if not self.keep_going:
            outcome.raise_failures()
        return outcome

    def forget_images(self) -> None:
        for layout in (self.folder / "images").iterdir():
            layout.rename(self.folder / f"gone-{layout.name}")


def target(name: str = "app", wheels: Sequence[Wheel] = WHEELS, **attributes: object) -> Goal:
    world = World()
    return world.configure(world.environment(name, [lock_wheel(each) for each in wheels], **attributes)).goal


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "cache")


def test_built_then_there_then_from_the_cache(machine: Machine) -> None:
    (built,) = machine.builder.build([target()])
    assert (built.status, built.actions) == (Status.BUILT, ActionCounts(executed=5))
    (there,) = machine.builder.build([target()])
    assert there == replace(built, status=Status.EXISTS, actions=ActionCounts())
    machine.forget_images()
    (cached,) = machine.builder.build([target()])
    assert cached == replace(built, status=Status.CACHED, actions=ActionCounts(local=5))


def test_the_image_is_whole_and_the_report_is_of_it(machine: Machine) -> None:
    configured = target(platforms=(AMD64, ARM64))
    (report,) = machine.builder.build([configured])
    image = machine.images.find(configured.name)
    assert image
    assert check_image(image.root, lambda digest: machine.store.path(digest).open("rb")) == ()
    assert report.digest == str(image.digest)
    assert [each.platform for each in report.platforms] == ["linux/amd64", "linux/arm64"]
    assert [each.digest for each in report.platforms] == [str(each.digest) for each, _ in image.manifests]
    packages = [layer.packages for layer in report.platforms[0].layers]
    assert packages == [("venv",), ("one 1.0",), ("four 1.0",)]
    # Both platforms have the same layers here: they are counted once.
    assert report.size == sum(layer.digest.size for layer in image.layers)


def test_a_failure_publishes_nothing(machine: Machine) -> None:
    with pytest.raises(ActionError, match="both own"):
        machine.builder.build([target("good"), target("bad", [WHEELS[0], CLASHING])])
    assert machine.images.find(target("bad", [WHEELS[0], CLASHING]).name) is None


def test_what_is_told_to_go_on_reports_both(machine: Machine) -> None:
    machine.keep_going = True
    bad, good = machine.builder.build([target("bad", [WHEELS[0], CLASHING]), target("good")])
    assert (bad.status, bad.digest, bad.platforms) == (Status.FAILED, "", ())
    assert bad.error
    assert bad.error.exit_code == 1
    assert "both own" in bad.error.message
    assert (good.status, good.error) == (Status.BUILT, None)
    assert machine.images.find(target("good").name)


@pytest.mark.parametrize(
    ("template", "image"), [("envs/env_{hash}", "envs/env_HASH"), ("team:{hash}", "team:HASH")]
)
def test_reports_call_the_image_as_the_workspace_does(machine: Machine, template: str, image: str) -> None:
    machine.naming = Naming(template)
    good, bad = target(), target("bad", [WHEELS[0], CLASHING])
    machine.keep_going = True
    for _ in ("built", "there"):
        found = [report.image for report in machine.builder.build([good, bad])]
        assert found == [image.replace("HASH", each.hash) for each in (good, bad)]
    # In the store its name is always the same.
    assert machine.images.find(f"env_{good.hash}")


def test_an_image_that_somebody_else_put_under_the_name(machine: Machine) -> None:
    root = make_manifest(machine.store)
    machine.images.publish(target().name, root)
    with pytest.raises(StoreError, match="is not what `//:app` declares") as caught:
        machine.builder.build([target()])
    assert "envbuild clean" in caught.value.hint


# With a registry.


Join = Callable[[Machine], Machine]


@pytest.fixture
def gate(registry: str) -> Iterator[Gate]:
    with open_gate(Gate(registry)) as gate:
        yield gate


@pytest.fixture
def join(gate: Gate) -> Join:
    """Gives a machine a registry, of which each test has a part of its own."""
    below = RegistryName(gate.host, f"t{uuid4().hex}")

    def join(machine: Machine) -> Machine:
        client = RegistryClient(HttpClient(), gate.host, DockerCredentials({}))
        machine.registry = Registry(
            "here", RegistryPublisher(client, machine.store, machine.sink, below=below)
        )
        return machine

    return join


def test_pushed_then_nothing_to_push(machine: Machine, join: Join) -> None:
    (pushed,) = join(machine).builder.build([target()])
    assert pushed.pushed
    assert (pushed.status, pushed.pushed.registry, pushed.pushed.blobs) == (Status.BUILT, "here", 4)
    (there,) = machine.builder.build([target()])
    assert there.pushed
    assert (there.status, there.digest, there.pushed.blobs) == (Status.EXISTS, pushed.digest, 0)
    assert there.platforms == pushed.platforms


def test_what_is_only_in_the_store_is_pushed(machine: Machine, join: Join) -> None:
    (built,) = machine.builder.build([target()])
    (pushed,) = join(machine).builder.push([target()])
    assert (pushed.status, pushed.digest) == (Status.EXISTS, built.digest)
    assert pushed.pushed
    assert pushed.pushed.blobs == 4


def test_what_the_registry_has_is_not_built(machine: Machine, join: Join, tmp_path: Path) -> None:
    (pushed,) = join(machine).builder.build([target()])
    other = join(Machine(tmp_path / "other"))
    (report,) = other.builder.build([target()])
    assert (report.status, report.digest, report.platforms) == (Status.EXISTS, pushed.digest, ())
    assert other.images.find(target().name) is None
    # Who needs the bytes gets them.
    assert str(other.builder.obtain(target()).digest) == pushed.digest
    assert other.images.find(target().name)


def test_the_digest_of_the_first_publisher_is_adopted(machine: Machine, join: Join, tmp_path: Path) -> None:
    configured = target()
    theirs = join(Machine(tmp_path / "theirs"))
    image = load_image(theirs.store, make_manifest(theirs.store))
    assert theirs.registry
    theirs.registry.publisher.publish(configured.hash, image)
    (ours,) = machine.builder.build([configured])
    (report,) = join(machine).builder.build([configured])
    assert report.digest == str(image.digest) != ours.digest
    # Its layers are not ours to describe.
    assert report.platforms == ()


def test_push_of_what_is_not_there_pushes_nothing(machine: Machine, join: Join, gate: Gate) -> None:
    machine.builder.build([target()])
    join(machine)
    with pytest.raises(StoreError, match="`//:missing` is not built") as caught:
        machine.builder.push([target(), target("missing", user="1")])
    assert "run `envbuild build //:missing --push`" in caught.value.hint
    assert {asked.method for asked in gate.asked} <= {"HEAD", "GET"}


def test_a_registry_that_cannot_be_asked_is_an_error(machine: Machine, join: Join, gate: Gate) -> None:
    gate.before = refuse
    with pytest.raises(RegistryError):
        join(machine).builder.build([target()])
    assert machine.images.find(target().name) is None


def refuse(_: Asked) -> Answer | None:
    return Answer(403, b"{}")
