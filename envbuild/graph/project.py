"""A workspace as a command sees it: what is declared, locked and analysed, each read at its first use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from envbuild.core.errors import LockError, for_each
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.graph.analyze import Analyzer, Configured, Settings
from envbuild.graph.freshness import check_locks
from envbuild.graph.target_graph import LoadedGraph
from envbuild.graph.touched import find_touched
from envbuild.lock.files import LockFiles
from envbuild.lock.model import Index
from envbuild.rule.kind import Rule
from envbuild.rule.loader import load_rules
from envbuild.spec.patterns import expand_patterns
from envbuild.spec.recorder import Recorder
from envbuild.spec.sources import CHANNEL, INDEX
from envbuild.spec.targets import Targets
from envbuild.spec.workspace import Workspace, find_workspace, load_workspace


class Project:
    """The workspace around a folder. `here` is the folder that patterns are seen from."""

    def __init__(self, start: Path, here: Path, recorder: Recorder) -> None:
        self._start = start
        self._here = here
        self._recorder = recorder

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace's own file; raises SpecError where there is none."""
        return load_workspace(find_workspace(self._start, self._recorder), self._recorder)

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """All rules by name."""
        return load_rules(self.workspace.rules, self.workspace.root, self._recorder)

    @cached_property
    def targets(self) -> Targets:
        """The targets of the workspace."""
        schemas = {name: rule.attributes for name, rule in self.rules.items()}
        return Targets(self.workspace.root, schemas, self._recorder)

    @cached_property
    def locks(self) -> LockFiles:
        """The workspace's lock files."""
        return LockFiles(self.workspace.root, self._recorder.record)

    @cached_property
    def analyzer(self) -> Analyzer:
        """Targets and locks as declared actions."""
        indexes = tuple(
            Index(source.alias, "".join(source.urls), source.packages)
            for source in self.workspace.sources
            if source.kind == INDEX
        )
        channels = tuple(each.alias for each in self.workspace.sources if each.kind == CHANNEL)
        settings = Settings(indexes, self.workspace.epoch, channels)
        return Analyzer(self.targets.target, self.locks.read, self.rules, settings)

    @property
    def package(self) -> str:
        """The current folder below the workspace's root; "" at the root and outside."""
        root, here = self.workspace.root, self._here
        inside = here.is_relative_to(root) and here != root
        return here.relative_to(root).as_posix() if inside else ""

    def labels(self, patterns: Sequence[str]) -> tuple[Label, ...]:
        """The targets that patterns name, seen from the current folder."""
        return expand_patterns(patterns, self.package, self.targets)

    def with_dependencies(self, labels: Sequence[Label]) -> tuple[Label, ...]:
        """The labels and all they stand on, each once, what is stood on first; raises the errors of all."""
        ordered: dict[Label, None] = {}
        for_each(lambda label: self._add_with_dependencies(label, ordered), labels)
        return tuple(ordered)

    def configure(self, patterns: Sequence[str], platforms: Sequence[str] = ()) -> tuple[Configured, ...]:
        """The targets that patterns name, with their actions declared.

        Raises what is wrong with any of their specs, else LockError that names every missing or stale lock.
        """
        chosen = tuple(Platform.parse(text) for text in platforms)
        labels = self.labels(patterns)
        all_labels = self.with_dependencies(labels)
        try:
            return tuple(self.analyzer.configure(label, chosen) for label in labels)
        except LockError:
            self.check_locks(all_labels)
            raise

    def calls_own_rules(self, labels: Sequence[Label]) -> bool:
        """Whether targets, or what they stand on, are of rules of the workspace's own."""
        return any(self.analyzer.rule(label).own for label in self.with_dependencies(labels))

    def touched(self, changed: Iterable[Path]) -> tuple[Label, ...]:
        """The targets whose locks a change of these files may make stale, sorted; raises SpecError."""
        return find_touched(changed, self.workspace, self.targets, self.rules, self.locks)

    def check_locks(self, labels: Sequence[Label]) -> None:
        """Raise LockError that names every missing, broken or stale lock of `labels`, and why."""
        check_locks(labels, self.analyzer, self.locks)

    def query(self, expression: str) -> tuple[Label, ...]:
        """The labels that a query names, sorted."""
        from envbuild.graph.query import run_query

        return run_query(expression, LoadedGraph(self.targets), self.package)

    def _add_with_dependencies(self, label: Label, ordered: dict[Label, None]) -> None:
        if label in ordered:
            return
        for below in self.targets.target(label).dependencies:
            self._add_with_dependencies(below, ordered)
        ordered[label] = None
