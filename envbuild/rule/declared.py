"""What a rule declares: actions whose inputs are locked artifacts, files, or outputs of other actions.

The definition digest of an action is a Merkle hash over exactly this declaration. It is pure and
known before anything is built or fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import PREFIX, Digest
from envbuild.core.wire import canonical_json
from envbuild.lock.model import Json, Locked

DEFINITION_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function that makes bytes; `version` moves exactly when its golden bytes change."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A locked artifact as an input: its sha256 is its identity, wherever it comes from."""

    artifact: Locked

    @property
    def digest(self) -> Digest:
        """The content's digest, from the lock."""
        return Digest(self.artifact.sha256, self.artifact.size)

    @property
    def definition(self) -> str:
        """What this input adds to a definition digest."""
        return str(self.digest)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the workspace as an input: content and executable bit; `path` is not its identity."""

    digest: Digest
    executable: bool
    path: str = field(compare=False)  # absolute, where it lies now; never part of a digest

    @property
    def definition(self) -> str:
        """What this input adds to a definition digest."""
        return f"{self.digest}{'+x' if self.executable else ''}"


@dataclass(frozen=True, slots=True)
class Output:
    """One output of another action, as an input."""

    action: DeclaredAction
    path: str

    @property
    def definition(self) -> str:
        """What this input adds to a definition digest."""
        return f"{self.action.definition}/{self.path}"


Input = Fetched | SourceFile | Output


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredAction:
    """A builtin on parameters and inputs (by path in the input root).

    `stamped` actions also get their own definition digest as the input `definition`. `mnemonic`
    and `subject` are for people and part of no digest. Actions are equal when their definitions are.
    """

    builtin: Builtin
    parameters: Mapping[str, Json]
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    mnemonic: str
    subject: str
    stamped: bool = False
    definition: str = field(init=False)

    def __post_init__(self) -> None:
        document = {
            "schema": DEFINITION_SCHEMA,
            "builtin": self.builtin.name,
            "version": self.builtin.version,
            "parameters": dict(self.parameters),
            "inputs": {path: item.definition for path, item in self.inputs.items()},
            "outputs": sorted(self.outputs),
            "stamped": self.stamped,
        }
        object.__setattr__(self, "definition", PREFIX + Digest.of(canonical_json(document)).hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeclaredAction) and self.definition == other.definition

    def __hash__(self) -> int:
        return hash(self.definition)

    def output(self, path: str) -> Output:
        """One of the declared outputs; raises KeyError."""
        if path not in self.outputs:
            raise KeyError(path)
        return Output(self, path)

    @property
    def impure(self) -> bool:
        """Whether it may ask the network, and so make something else each time that it runs."""
        return self.parameters.get("network") is True

    @property
    def dependencies(self) -> tuple[DeclaredAction, ...]:
        """The actions whose outputs this one reads, each once, in order of input path."""
        found = {i.action: None for _, i in sorted(self.inputs.items()) if isinstance(i, Output)}
        return tuple(found)


def walk(*goals: DeclaredAction) -> Iterator[DeclaredAction]:
    """All actions that `goals` need and themselves, each once, dependencies first."""
    done: set[DeclaredAction] = set()
    stack: list[tuple[DeclaredAction, bool]] = [(goal, False) for goal in reversed(goals)]
    while stack:
        action, expanded = stack.pop()
        if action in done:
            continue
        if expanded:
            done.add(action)
            yield action
        else:
            stack.append((action, True))
            stack.extend((below, False) for below in reversed(action.dependencies))
