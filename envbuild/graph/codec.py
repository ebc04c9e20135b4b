"""The declared graph of goals as JSON, with the results of its actions.

Of an artifact it has what running actions knows, and no more; whoever reads it says what files hold now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.graph.goal import Goal, Results
from envbuild.lock.model import Locked
from envbuild.rule import builtins
from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, Input, Output, SourceFile, walk

if TYPE_CHECKING:
    from envbuild.lock.model import Json

_KNOWN = {each for each in vars(builtins).values() if isinstance(each, Builtin)}
_ARTIFACT = ("kind", "name", "version", "source", "file", "sha256", "size")


class Files(Protocol):
    """What is known of the workspace's files now."""

    def has_changed(self, path: str) -> bool:
        """Whether a file has other bytes than it had when the graph was written."""

    def digest(self, path: str, known: Digest) -> Digest:
        """The digest of now of a file that had the `known` one; raises OSError."""


def encode_goals(goals: Sequence[Goal], results: Results) -> dict[str, Json]:
    """The document; actions come after what they need."""
    actions = list(walk(*(goal.action for goal in goals)))
    numbers = {action.definition: n for n, action in enumerate(actions)}
    artifacts = _Numbered()
    described: list[Json] = [
        [
            action.builtin.name,
            action.builtin.version,
            dict(action.parameters),
            {path: _describe_input(item, numbers, artifacts) for path, item in action.inputs.items()},
            list(action.outputs),
            action.mnemonic,
            action.subject,
            action.stamped,
            _describe_result(results.get(action.definition)),
        ]
        for action in actions
    ]
    told: list[Json] = [
        {
            "label": goal.label,
            "action": numbers[goal.definition],
            "platforms": {name: [list(each) for each in owners] for name, owners in goal.platforms.items()},
            "foreign": [artifacts.number(layer) for layer in goal.foreign.values()],
        }
        for goal in goals
    ]
    return {"actions": described, "goals": told, "artifacts": artifacts.describe()}


class _Numbered:
    """Artifacts, each with a number from its first use on."""

    def __init__(self) -> None:
        self._numbers: dict[Locked, int] = {}

    def number(self, artifact: Locked) -> int:
        return self._numbers.setdefault(artifact, len(self._numbers))

    def describe(self) -> list[Json]:
        return [[getattr(artifact, name) for name in _ARTIFACT] for artifact in self._numbers]


def _describe_input(item: Input, numbers: Mapping[str, int], artifacts: _Numbered) -> Json:
    if isinstance(item, Output):
        return [numbers[item.action.definition], item.path]
    if isinstance(item, Fetched):
        return artifacts.number(item.artifact)
    return [item.path, item.digest.hash, item.digest.size, item.executable]


def _describe_result(result: ActionResult | None) -> Json:
    if result is None:
        return None
    return {path: [digest.hash, digest.size] for path, digest in result.outputs.items()}


def decode_goals(document: Mapping[str, Any], files: Files) -> tuple[tuple[Goal, ...], Results]:
    """The goals as they are with the files of now, and the results of the actions that read no changed one.

    Raises KeyError, IndexError, TypeError, ValueError and AttributeError for what is no such document, and
    for one of another envbuild, whose builtins made other bytes.
    """
    artifacts = [Locked(*each) for each in document["artifacts"]]
    actions: list[DeclaredAction] = []
    results: dict[str, ActionResult] = {}
    stale: set[DeclaredAction] = set()
    for name, version, parameters, inputs, outputs, mnemonic, subject, stamped, result in document["actions"]:
        read = {path: _read_input(item, actions, artifacts, files) for path, item in inputs.items()}
        builtin = Builtin(name, version)
        if builtin not in _KNOWN:
            raise ValueError(builtin)
        action = DeclaredAction(builtin, parameters, read, tuple(outputs), mnemonic, subject, stamped=stamped)
        actions.append(action)
        if any(_is_stale(item, stale, files) for item in read.values()):
            stale.add(action)
        elif result is not None:
            results[action.definition] = _read_result(result)
    goals = tuple(_read_goal(each, actions, artifacts) for each in document["goals"])
    return goals, results


def _read_input(
    item: Any, actions: Sequence[DeclaredAction], artifacts: Sequence[Locked], files: Files
) -> Input:
    if isinstance(item, int):
        return Fetched(artifacts[item])
    if len(item) == 2:
        number: int = item[0]
        return actions[number].output(item[1])
    path, hexadecimal, size, executable = item
    return SourceFile(files.digest(path, Digest(hexadecimal, size)), executable, path)


def _is_stale(item: Input, stale: Collection[DeclaredAction], files: Files) -> bool:
    """Whether an input may be another than it was when the graph was kept."""
    if isinstance(item, Output):
        return item.action in stale
    return isinstance(item, SourceFile) and files.has_changed(item.path)


def _read_result(result: Mapping[str, Any]) -> ActionResult:
    return ActionResult({path: Digest(*digest) for path, digest in result.items()})


def _read_goal(
    told: Mapping[str, Any], actions: Sequence[DeclaredAction], artifacts: Sequence[Locked]
) -> Goal:
    foreign = (artifacts[n] for n in told["foreign"])
    return Goal(
        label=told["label"],
        action=actions[told["action"]],
        platforms={name: tuple(map(tuple, owners)) for name, owners in told["platforms"].items()},
        foreign={Digest(layer.sha256, layer.size): layer for layer in foreign},
    )
