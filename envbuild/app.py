"""The composition root: the only place that chooses implementations."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.build.build import Builder, Built, Origins, Registry, Run, build_goals
from envbuild.build.report import Report
from envbuild.build.scheduler import BuildReport
from envbuild.core.errors import UsageError
from envbuild.core.events import EventSink
from envbuild.core.platform import Platform
from envbuild.execution import Execution, Manner
from envbuild.graph import memo
from envbuild.graph.analyze import Configured
from envbuild.graph.project import Project
from envbuild.lock.model import Resolver
from envbuild.oci.reference import RegistryName
from envbuild.options import UNSTATED, Options, StepOptions
from envbuild.publish.naming import Naming
from envbuild.rule.declared import DeclaredAction
from envbuild.sources.patience import Patience
from envbuild.spec.secrets import as_sources, parse_secret
from envbuild.store.action_cache import DiskActionCache
from envbuild.store.disk import DiskStore
from envbuild.store.faults import BlobMismatch
from envbuild.store.lease import shared_lease
from envbuild.supply import Supply
from envbuild.ui.output import Output, choose_sinks

# What only some commands need is imported when they ask for it: building waits for nothing else.
if TYPE_CHECKING:
    from envbuild.build.choice import Choices
    from envbuild.build.deliver import Delivery
    from envbuild.build.lock import Locker
    from envbuild.build.program import Wanted
    from envbuild.build.run import Start
    from envbuild.build.verify import Verified


@contextmanager
def open_app(
    options: Options, *, jobs: int | None = None, reverse: bool = False, steps: StepOptions = UNSTATED
) -> Iterator[App]:
    """The application for one command: nothing is read or opened before it is needed."""
    output = Output(options.events, options.profile, options.color, options.quiet, options.verbose)
    with choose_sinks(output, sys.stderr, os.environ) as sink, shared_lease(options.cache_dir):
        app = App(options, sink, jobs, steps, reverse=reverse)
        try:
            yield app
        finally:
            app.execution.actions.close()


@contextmanager
def open_store(cache: Path) -> Iterator[tuple[DiskStore, DiskActionCache]]:
    """The store and the action cache, for housekeeping."""
    actions = DiskActionCache(cache / "actions")
    try:
        yield DiskStore(cache), actions
    finally:
        actions.close()


class App:
    """What a command is made of, put together on demand."""

    def __init__(
        self, options: Options, sink: EventSink, jobs: int | None, steps: StepOptions, *, reverse: bool
    ) -> None:
        self.options = options
        self.sink = sink
        self.signatures = memo.Signatures()
        self.execution = Execution(options.cache_dir, sink)
        self.disk, self.store = self.execution.disk, self.execution.store
        self._patience = Patience.stated(os.environ)
        self._jobs = jobs
        self._reverse = reverse
        self._steps = steps

    @cached_property
    def project(self) -> Project:
        """The workspace that the command works in."""
        here = Path.cwd()
        return Project(self.options.workspace or here, here, self.signatures)

    @cached_property
    def supply(self) -> Supply:
        """Where the workspace's artifacts come from."""
        return Supply(self.project, self.store, self.options.cache_dir, self.sink, self._patience)

    # How it is built.

    @cached_property
    def jobs(self) -> int:
        """How many actions run at once: as asked, else the workspace's, else the cores we may use."""
        return self._jobs or self.project.workspace.build.jobs or len(os.sched_getaffinity(0))

    def keeps_going(self, *, stated: bool | None) -> bool:
        """Whether a build goes on after a failure: as the command says, else (None) as the workspace does."""
        return self.project.workspace.build.keep_going if stated is None else stated

    def manner(self, *, keep_going: bool = False) -> Manner:
        """How actions are run: as the command says, else as the workspace does."""
        stated, unstated = self._steps, self.project.workspace.build
        given = (parse_secret(text, Path.cwd()) for text in stated.secrets)
        secrets = {**unstated.secrets, **{secret.name: secret for secret in given}}
        return Manner(
            jobs=self.jobs,
            keep_going=keep_going,
            reverse=self._reverse,
            executor=stated.executor or unstated.executor,
            seconds=unstated.step_timeout if stated.seconds is None else stated.seconds,
            memory=unstated.step_memory if stated.memory is None else stated.memory,
            processes=unstated.step_processes if stated.processes is None else stated.processes,
            keep_failed=stated.keep_failed,
            secrets=as_sources(secrets, os.environ),
        )

    def run_actions(self, goals: Sequence[DeclaredAction], *, keep_going: bool = False) -> BuildReport:
        """Execute all that `goals` need."""
        return self.execution.run(goals, self.manner(keep_going=keep_going), self.supply.fetch)

    # What commands do.

    def build(
        self, patterns: Sequence[str], *, platforms: Sequence[str], push: bool, keep_going: bool | None
    ) -> Built:
        """Build what patterns name, and publish it where that is asked for.

        `keep_going` None leaves it to the workspace.
        """
        began = time.monotonic()
        self.disk.sweep()
        goals = [target.goal for target in self.project.configure(patterns, platforms)]
        going = self.keeps_going(stated=keep_going)
        run = partial(self.run_actions, keep_going=going)
        make_builder = partial(self._builder, registry=push)
        return build_goals(goals, run, make_builder, keep_going=going, began=began)

    def push(self, patterns: Sequence[str], *, platforms: Sequence[str]) -> Built:
        """Publish images of the store."""
        begun = time.monotonic()
        builder = self._builder(self.run_actions, registry=True)
        goals = tuple(each.goal for each in self.project.configure(patterns, platforms))
        return Built(goals, Report(builder.push(goals), time.monotonic() - begun), {})

    def verify(self, patterns: Sequence[str]) -> tuple[Verified, ...]:
        """Build targets again under other conditions and compare; what is not there is built first."""
        from envbuild.build.verify import Verifier
        from envbuild.execute.sandbox.upkeep import clear

        builder = self._builder(self.run_actions, registry=False)
        built = [(target, builder.obtain_own(target.goal)) for target in self.project.configure(patterns)]
        verifier = Verifier(self.disk, self.project.workspace.root, self.naming, os.environ, self.jobs)
        with self.disk.temporary_folder() as folder:
            try:
                return verifier.verify(built, folder)
            finally:
                clear(folder / "cache")  # steps leave files that are not ours to remove

    def locker(self, resolver: str = "uv") -> Locker:
        """Locks targets, asking the resolver of this name for Python packages."""
        from envbuild.build.answers import Answers
        from envbuild.build.lock import Locker
        from envbuild.lock.resolve.images import look_up
        from envbuild.sources.channel_index import ChannelIndexes

        channels = ChannelIndexes(self.supply.channels, self.options.cache_dir / "channels", self.sink)
        answers = Answers(
            lambda: self._resolver(resolver), self.supply.mirrors, self.supply.fetcher, self.store, channels
        )
        registries = self.supply.glance_at_registries()
        look = cache(lambda reference: look_up(reference, registries))
        return Locker(self.project.analyzer, self.project.locks, answers.answer, self.sink, look)

    def _resolver(self, name: str) -> Resolver:
        from envbuild.lock.resolve.answer import Descriptions
        from envbuild.lock.resolve.builds import BuildsResolver
        from envbuild.sources.wheel_metadata import metadata_cache

        cache = self.options.cache_dir
        describe = Descriptions(self.supply.indexes, metadata_cache(cache / "metadata"))
        inner: Resolver
        if name == "pip-tools":
            from envbuild.lock.resolve.pip_tools import PipToolsResolver

            inner = PipToolsResolver(describe, cache / "pip-tools")
        else:
            from envbuild.lock.resolve.pip_uv import UvResolver

            inner = UvResolver(describe, cache / "uv")
        return BuildsResolver(inner, describe)

    def deliver(self, target: str) -> Delivery:
        """One target's image, to be handed to another tool; it is built or pulled when that is asked."""
        from envbuild.build.deliver import Delivery

        configured = self._configure_one(target)
        builder = self._builder(self.run_actions, registry=bool(self.registry_name))
        return Delivery(configured, self.naming.tag(configured.hash), builder.obtain, self.store)

    def prepare_run(self, target: str, wanted: Wanted, platform: str, engine: str, choices: Choices) -> Start:
        """Get one target's image ready to run a program in it, which the result does.

        The `engine` is as `--engine` says. Which image it is goes to `choices`.
        """
        from envbuild.build.choice import Choice
        from envbuild.build.program import choose_platform
        from envbuild.build.run import prepare

        begun = time.time_ns()
        delivery = self.deliver(target)
        chosen = choose_platform(tuple(delivery.target.images), platform)
        choice = Choice(delivery.target.name, delivery.name, chosen)

        def start() -> Start:
            return prepare(delivery.obtain(delivery.target.goal), choice, self.disk, wanted, engine)

        try:
            prepared = start()
        except BlobMismatch:  # it was set aside, and is made or fetched again
            prepared = start()
        choices.remember(choice, self.signatures.found, begun)
        return prepared

    def export_lock(self, target: str, form: str, folder: Path, platform: str | None) -> str:
        """One target's lock in another tool's form; paths in it are relative to `folder`."""
        from envbuild.build.export import LockExporter, find_channels

        wanted = Platform.parse(platform) if platform else None
        chosen = self._configure_one(target)
        asked = find_channels(self.project, chosen.label)
        exporter = LockExporter(self.project.workspace.root, self.supply.indexes, self.supply.channels, asked)
        return exporter.export(chosen, form, folder, wanted)

    @property
    def registry_name(self) -> str:
        """The registry that commands speak to; "" for none. Raises UsageError for what is none."""
        stated = self.options.registry or self.project.workspace.registry
        return str(RegistryName.parse(stated)) if stated else ""

    @cached_property
    def naming(self) -> Naming:
        """How the workspace wants its images named."""
        return Naming(self.project.workspace.image)

    def _configure_one(self, target: str) -> Configured:
        configured = self.project.configure([target])
        if len(configured) != 1:
            raise UsageError(f"`{target}` names {len(configured)} targets", hint="name one")
        return configured[0]

    def _builder(self, run: Run, *, registry: bool) -> Builder:
        publisher = self._registry() if registry else None
        origins = Origins(self.supply.locate_layer, self.supply.fetch)
        return Builder(self.store, self.execution.images, run, self.sink, self.naming, origins, publisher)

    def _registry(self) -> Registry:
        if not self.registry_name:
            raise UsageError(
                "there is no registry to push to",
                hint="name one with `--registry`, `ENVBUILD_REGISTRY`, or `registry:` in envbuild.yaml",
            )
        return Registry.open(self.registry_name, self.supply.registries, self.store, self.sink, self.naming)
