"""Which targets' locks a change of some files may make stale."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from envbuild.core.label import Label
from envbuild.lock.files import LockFiles
from envbuild.rule.kind import Rule
from envbuild.spec.attribute import Kind
from envbuild.spec.build_file import build_file_name
from envbuild.spec.positions import Value
from envbuild.spec.requirement_files import RequirementFiles
from envbuild.spec.schema import Placed
from envbuild.spec.targets import Declaration, Targets
from envbuild.spec.workspace import WORKSPACE_FILE, Workspace


def find_touched(
    changed: Iterable[Path],
    workspace: Workspace,
    targets: Targets,
    rules: Mapping[str, Rule],
    locks: LockFiles,
) -> tuple[Label, ...]:
    """The targets that a change of these files concerns, and all that stand on them, sorted.

    Only what locks are made from counts: build files, locks, requirement files with all that they
    include, wheels, the workspace's file and its rules; not the files that go into images. Raises
    SpecError where a build file cannot be read.
    """
    paths = {os.path.realpath(path) for path in changed}
    declared = [each for package in targets.packages() for each in targets.declared_in(package).values()]
    if _concerns_all(paths, workspace):
        return tuple(sorted(each.label for each in declared))
    inputs = _Inputs(workspace.root, rules, locks)
    touched = [each.label for each in declared if not paths.isdisjoint(inputs.of(each))]
    return tuple(sorted(_with_dependents(touched, declared)))


def _concerns_all(paths: Iterable[str], workspace: Workspace) -> bool:
    file = os.path.realpath(workspace.root / WORKSPACE_FILE)
    folders = tuple(f"{os.path.realpath(folder)}/" for folder in workspace.rules)
    return any(path == file or path.startswith(folders) for path in paths)


class _Inputs:
    """The real paths of the files that each target's lock rests on."""

    def __init__(self, root: Path, rules: Mapping[str, Rule], locks: LockFiles) -> None:
        self._root = os.path.realpath(root)
        self._rules = rules
        self._locks = locks
        self._requirements = RequirementFiles()

    def of(self, target: Declaration) -> Iterator[str]:
        # Also those of what it stands on: a target that is gone from there has no declaration.
        for label in (target.label, *target.dependencies):
            yield f"{self._root}/{build_file_name(label.package)}"
            yield os.path.realpath(self._locks.path(label))
        yield from self._named(target)

    def _named(self, target: Declaration) -> Iterator[str]:
        folder = f"{self._root}/{target.label.package}"
        for name, attribute in self._rules[target.kind].attributes.items():
            if attribute.kind is Kind.REQUIREMENTS:
                entries = [text for text, _ in target.attributes[name]]
                yield from self._requirements.find(entries, folder)
            elif attribute.kind is Kind.CONDA:
                yield from self._named_by_conda(target.attributes[name], folder)
            elif attribute.kind is Kind.WHEELS:
                yield from (os.path.realpath(f"{folder}/{file}") for file, _ in target.attributes[name])

    def _named_by_conda(self, stated: Value | Sequence[Placed] | None, folder: str) -> Iterator[str]:
        if stated:
            from envbuild.spec.conda.files import find_conda_files  # most workspaces ask nothing of conda

            yield from find_conda_files(stated, folder, self._requirements)


def _with_dependents(touched: Iterable[Label], declared: Iterable[Declaration]) -> set[Label]:
    dependents: dict[Label, list[Label]] = {}
    for each in declared:
        for below in each.dependencies:
            dependents.setdefault(below, []).append(each.label)
    found: set[Label] = set()
    pending = list(touched)
    while pending:
        label = pending.pop()
        if label not in found:
            found.add(label)
            pending += dependents.get(label, ())
    return found
