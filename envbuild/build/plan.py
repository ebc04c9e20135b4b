"""In which order actions are worth starting: pure, from the declared graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.lock.model import Locked
from envbuild.rule.declared import DeclaredAction, Fetched, Output, SourceFile, walk

# What starting any action costs, in bytes of input that take as long to work through.
_OVERHEAD = 100_000


@dataclass(frozen=True, slots=True)
class Plan:
    """All actions of a build, dependencies first; who waits for whom; the cost yet to come.

    `cost` is that of the longest chain from the action to a goal, in bytes read. The action with
    the highest one is to start first: it is what the end of the build waits for.
    """

    actions: tuple[DeclaredAction, ...]
    dependents: Mapping[DeclaredAction, tuple[DeclaredAction, ...]]
    cost: Mapping[DeclaredAction, int]


def plan_actions(goals: Sequence[DeclaredAction]) -> Plan:
    """The plan for `goals` and all they need."""
    actions = tuple(walk(*goals))
    dependents: dict[DeclaredAction, list[DeclaredAction]] = {action: [] for action in actions}
    for action in actions:
        for below in action.dependencies:
            dependents[below].append(action)
    cost: dict[DeclaredAction, int] = {}
    for action in reversed(actions):
        above = max((cost[each] for each in dependents[action]), default=0)
        cost[action] = _OVERHEAD + bytes_read(action) + above
    return Plan(actions, {action: tuple(waiting) for action, waiting in dependents.items()}, cost)


def find_artifacts(actions: Iterable[DeclaredAction]) -> dict[str, Locked]:
    """The locked artifacts that `actions` read, by sha256."""
    inputs = (item for action in actions for item in action.inputs.values())
    return {item.artifact.sha256: item.artifact for item in inputs if isinstance(item, Fetched)}


def find_files(actions: Iterable[DeclaredAction]) -> dict[str, Path]:
    """The workspace's files that `actions` read, by sha256."""
    inputs = (item for action in actions for item in action.inputs.values())
    return {item.digest.hash: Path(item.path) for item in inputs if isinstance(item, SourceFile)}


def bytes_read(action: DeclaredAction) -> int:
    """The size of the inputs known before the build."""
    return sum(item.digest.size for item in action.inputs.values() if not isinstance(item, Output))
