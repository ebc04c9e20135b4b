"""The declared graph of goals as JSON, and results of its actions.

Of an artifact it has what running actions knows, and no more; whoever reads it says what files hold now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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


DigestNow = Callable[[str, Digest], Digest]
"""The digest of now of a file that had this one when the graph was written; raises OSError."""


def encode_goals(goals: Sequence[Goal]) -> dict[str, Json]:
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


def encode_results(results: Results) -> dict[str, Json]:
    """Results as JSON."""
    return {
        definition: {path: [digest.hash, digest.size] for path, digest in result.outputs.items()}
        for definition, result in results.items()
    }


def decode_results(document: Mapping[str, Any], goals: Sequence[Goal]) -> Results:
    """Those of the results that goals need; raises as `decode_goals`."""
    needed = (action.definition for action in walk(*(goal.action for goal in goals)))
    return {
        definition: ActionResult({path: Digest(*digest) for path, digest in document[definition].items()})
        for definition in needed
        if definition in document
    }


def decode_goals(document: Mapping[str, Any], digest_now: DigestNow) -> tuple[Goal, ...]:
    """The goals as they are with the files of now.

    Raises KeyError, IndexError, TypeError, ValueError and AttributeError for what is no such document, and
    for one of another envbuild, whose builtins made other bytes.
    """
    artifacts = [Locked(*each) for each in document["artifacts"]]
    actions: list[DeclaredAction] = []
    for name, version, parameters, inputs, outputs, mnemonic, subject, stamped in document["actions"]:
        read = {path: _read_input(item, actions, artifacts, digest_now) for path, item in inputs.items()}
        builtin = Builtin(name, version)
        if builtin not in _KNOWN:
            raise ValueError(builtin)
        actions.append(
            DeclaredAction(builtin, parameters, read, tuple(outputs), mnemonic, subject, stamped=stamped)
        )
    return tuple(_read_goal(each, actions, artifacts) for each in document["goals"])


def _read_input(
    item: Any, actions: Sequence[DeclaredAction], artifacts: Sequence[Locked], digest_now: DigestNow
) -> Input:
    if isinstance(item, int):
        return Fetched(artifacts[item])
    if len(item) == 2:
        number: int = item[0]
        return actions[number].output(item[1])
    path, hexadecimal, size, executable = item
    return SourceFile(digest_now(path, Digest(hexadecimal, size)), executable, path)


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
