"""Building targets: what is there already is said to be there; the rest is made and published."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from envbuild.build.report import (
    ActionCounts,
    ErrorReport,
    LayerReport,
    PlatformReport,
    PushReport,
    Report,
    Status,
    TargetReport,
)
from envbuild.build.scheduler import BuildReport
from envbuild.core.action import ActionResult
from envbuild.core.dataclass import dataclass, replace
from envbuild.core.errors import EnvbuildError, StoreError
from envbuild.core.events import EventSink, Phase
from envbuild.core.protocols import BlobStore
from envbuild.graph.goal import Goal, Owners, Results
from envbuild.lock.model import Locked
from envbuild.oci.config import ImageConfig
from envbuild.oci.descriptor import INDEX, MANIFEST, Descriptor
from envbuild.oci.image import Image
from envbuild.oci.manifest import Manifest
from envbuild.oci.reference import Reference, RegistryName
from envbuild.publish.foreign import Foreign
from envbuild.publish.layout import LocalImages
from envbuild.publish.naming import Naming
from envbuild.rule import builtins
from envbuild.rule.declared import DeclaredAction

if TYPE_CHECKING:  # it brings HTTP along, which only publishing needs
    from envbuild.lock.registries import Registries
    from envbuild.publish.registry import RegistryPublisher

NOTHING_RUN = ActionCounts()


@dataclass(frozen=True, slots=True)
class Built:
    """What came of building goals: the report, and the results of all actions that were looked at."""

    goals: tuple[Goal, ...]
    report: Report
    results: Results


Run = Callable[[Sequence[DeclaredAction]], BuildReport]


@dataclass(frozen=True, slots=True)
class Registry:
    """Where images are published, and what it is called in reports."""

    name: str
    publisher: RegistryPublisher

    @classmethod
    def open(
        cls, name: str, registries: Registries, blobs: BlobStore, sink: EventSink, naming: Naming
    ) -> Registry:
        """The registry `host[:port][/path]`; nothing is asked yet."""
        from envbuild.publish.registry import RegistryPublisher

        below = RegistryName.parse(name)
        client = registries.client(below.host)
        return cls(name, RegistryPublisher(client, blobs, sink, below=below, naming=naming))


@dataclass(frozen=True, slots=True)
class Origins:
    """Layers of other images: where one lies, and what brings it into the store."""

    locate: Callable[[Locked], Reference]
    fetch: Callable[[Locked], None]


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds and publishes targets. `run` executes actions; `registry` is None unless one is asked.

    `naming` is how reports call the images, wherever these are; `origins` are known to who may need the bytes
    of other images.
    """

    store: BlobStore
    images: LocalImages
    run: Run
    sink: EventSink
    naming: Naming
    origins: Origins | None = None
    registry: Registry | None = None

    def build(self, targets: Sequence[Goal]) -> tuple[TargetReport, ...]:
        """Build and publish what is not there; a target whose action has no result is reported `failed`.

        Raises what `run` raises, and then publishes nothing that was built.
        """
        found = {target.label: self._find(target) for target in targets}
        missing = [target for target in targets if found[target.label] is None]
        outcome = self.run([target.action for target in missing]) if missing else None
        reports = []
        for target in targets:
            report = found[target.label]
            if report is None:
                assert outcome is not None
                report = self._finish(target, outcome)
            reports.append(report)
        return tuple(reports)

    def push(self, targets: Sequence[Goal]) -> tuple[TargetReport, ...]:
        """Publish images of the store, building nothing.

        Raises StoreError, before anything is published, for one that neither store nor registry has.
        """
        for target in targets:
            if self.images.find(target.name, target.foreign) is None and not self._is_published(target):
                raise StoreError(
                    f"`{target.label}` is not built: the store has no `{target.name}`",
                    hint=f"run `envbuild build {target.label} --push`",
                )
        found = (self._find(target) for target in targets)
        return tuple(report for report in found if report is not None)

    def obtain(self, target: Goal) -> Image:
        """The image with all its bytes in the store: as it is there, pulled, or else built."""
        image = self.obtain_own(target)
        for digest in self.store.missing(target.foreign):
            assert self.origins is not None
            self.origins.fetch(target.foreign[digest])
        return image

    def obtain_own(self, target: Goal) -> Image:
        """The same without the layers of images of registries, which may not be in the store."""
        image = self.images.find(target.name, target.foreign)
        if image is not None:
            return image
        if self.registry is not None and self._is_published(target):
            return self.images.publish(target.name, self.registry.publisher.pull(target.hash))
        outcome = self.run([target.action])
        outcome.raise_failures()
        return self._keep(target, outcome)

    def _is_published(self, target: Goal) -> bool:
        return self.registry is not None and self.registry.publisher.exists(target.hash) is not None

    def _find(self, target: Goal) -> TargetReport | None:
        """The report of an image that needs no building, published where that is asked for."""
        image = self.images.find(target.name, target.foreign)
        if self.registry is None:
            return self._describe(target, image, Status.EXISTS) if image else None
        self.sink.emit(Phase("asking the registry", target.label))
        there = self.registry.publisher.exists(target.hash)
        if there is not None:
            return self._adopt(target, image, there)
        return self._publish(target, image, Status.EXISTS) if image else None

    def _adopt(self, target: Goal, image: Image | None, there: Descriptor) -> TargetReport:
        """The report of an image that the registry has: nothing is built, fetched or pushed."""
        assert self.registry is not None
        nothing = PushReport(self.registry.name, 0, 0, 0)
        if image is not None and image.digest == there.digest:
            return self._describe(target, image, Status.EXISTS, pushed=nothing)
        return self._report(target, str(there.digest), Status.EXISTS, pushed=nothing)

    def _finish(self, target: Goal, outcome: BuildReport) -> TargetReport:
        if target.action.definition not in outcome.results:
            return replace(self._report(target, "", Status.FAILED), error=_describe_error(target, outcome))
        counts = outcome.counts(target.action)
        status = Status.BUILT if counts.executed else Status.CACHED
        image = self._keep(target, outcome)
        if self.registry is None:
            return self._describe(target, image, status, counts)
        return self._publish(target, image, status, counts)

    def _keep(self, target: Goal, outcome: BuildReport) -> Image:
        result = outcome.results[target.action.definition]
        index = result.outputs.get(builtins.IMAGE_INDEX)
        if index is not None:
            root = Descriptor(INDEX, index)
        else:
            root = Descriptor(MANIFEST, result.outputs[builtins.MANIFEST])
        return self.images.publish(target.name, root, target.foreign)

    def _publish(
        self, target: Goal, image: Image, status: Status, counts: ActionCounts = NOTHING_RUN
    ) -> TargetReport:
        assert self.registry is not None
        moved = self.registry.publisher.publish(target.hash, image, self._foreign(target))
        pushed = PushReport(self.registry.name, moved.bytes, moved.blobs, moved.mounted)
        report = self._describe(target, image, status, counts, pushed)
        # Who published the name first wins: what everybody will pull is what is reported.
        return replace(report, digest=str(moved.digest))

    def _foreign(self, target: Goal) -> Foreign:
        layers, origins = target.foreign, self.origins
        assert origins is not None
        places = {digest: origins.locate(layer) for digest, layer in layers.items()}
        return Foreign(places, lambda digest: origins.fetch(layers[digest]))

    def _describe(
        self,
        target: Goal,
        image: Image,
        status: Status,
        counts: ActionCounts = NOTHING_RUN,
        pushed: PushReport | None = None,
    ) -> TargetReport:
        if not _is_made_so(target, image):
            raise StoreError(
                f"`{target.name}` in the store is not what `{target.label}` declares",
                hint="somebody else made it: run `envbuild clean`, then build again",
            )
        platforms = tuple(
            self._describe_platform(platform, owners, descriptor, manifest)
            for (platform, owners), (descriptor, manifest) in zip(
                target.platforms.items(), image.manifests, strict=True
            )
        )
        return self._report(target, str(image.digest), status, platforms, counts, pushed)

    def _describe_platform(
        self, platform: str, owners: Sequence[Owners], descriptor: Descriptor, manifest: Manifest
    ) -> PlatformReport:
        config = ImageConfig.parse(self.store.read(manifest.config.digest))
        layers = tuple(
            LayerReport(str(layer.digest), diff_id, layer.digest.size, packages)
            for layer, diff_id, packages in zip(manifest.layers, config.diff_ids, owners, strict=True)
        )
        return PlatformReport(platform, str(descriptor.digest), layers)

    def _report(
        self,
        target: Goal,
        digest: str,
        status: Status,
        platforms: tuple[PlatformReport, ...] = (),
        counts: ActionCounts = NOTHING_RUN,
        pushed: PushReport | None = None,
    ) -> TargetReport:
        return TargetReport(
            label=target.label,
            image=self.naming.name(target.hash),
            definition=target.definition,
            digest=digest,
            status=status,
            platforms=platforms,
            actions=counts,
            pushed=pushed,
        )


def build_goals(
    goals: Sequence[Goal], run: Run, make_builder: Callable[[Run], Builder], *, keep_going: bool, began: float
) -> Built:
    """Build goals, of a command that `began` then (monotonic, in seconds), by a builder that runs actions.

    Raises what failed, unless it is told to `keep_going`: then the report has it.
    """
    failures: list[EnvbuildError] = []
    results: dict[str, ActionResult] = {}

    def note(actions: Sequence[DeclaredAction]) -> BuildReport:
        outcome = run(actions)
        failures.extend(outcome.failures)
        results.update(outcome.results)
        if not keep_going:
            outcome.raise_failures()
        return outcome

    reports = make_builder(note).build(goals)
    return Built(tuple(goals), Report(reports, time.monotonic() - began, tuple(failures)), results)


def _describe_error(target: Goal, outcome: BuildReport) -> ErrorReport | None:
    error = outcome.failure(target.action)
    return ErrorReport(int(error.exit_code), error.message, error.hint) if error else None


def _is_made_so(target: Goal, image: Image) -> bool:
    """Whether an image has the platforms and layers declared: what was pulled is anybody's work."""
    made = [len(manifest.layers) for _, manifest in image.manifests]
    return made == [len(owners) for owners in target.platforms.values()]
