"""Locking: asks the resolvers what each target's rule wants to know, and writes lock files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.errors import EnvbuildError, ResolveError, UsageError
from envbuild.core.events import EventSink, Phase
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.graph.analyze import Analyzer
from envbuild.lock.check import record_inputs, refuse_unlike
from envbuild.lock.check_image import GENERATION
from envbuild.lock.codec import BrokenLock, encode_lock
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.conda_python import follow_conda, provided_pins
from envbuild.lock.files import LockFiles
from envbuild.lock.model import (
    CondaQuestion,
    DebianQuestion,
    ImageQuestion,
    Lock,
    Locked,
    PlatformLock,
    PythonQuestion,
    Question,
    Single,
    split_question,
)
from envbuild.oci.reference import ImageName
from envbuild.spec.problems import suggest_near

_KINDS = {DebianQuestion: ("deb",), PythonQuestion: ("wheel", "sdist"), CondaQuestion: (CONDA,)}
_OTHER_KINDS = {"deb": "Debian", CONDA: "conda"}

Resolve = Callable[[Single], PlatformLock]
# The digest that an image's reference names now; "" where that cannot be told.
Look = Callable[[str], str]


def _look_nowhere(_: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Change:
    """An artifact's move: "" stands for "not there"."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class LockReport:
    """What locking a target did; `stale` are the reasons for it, of a lock that was there.

    `moved` are images whose tags name something else by now, which the lock does not follow.
    """

    label: Label
    written: bool
    path: Path
    changes: tuple[Change, ...] = ()
    stale: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    moved: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What may move although nothing forces it: everything, or the packages and images named."""

    everything: bool = False
    packages: frozenset[str] = frozenset()

    def concerns(self, lock: Lock) -> bool:
        """Whether anything of the lock may move."""
        return self.everything or not self.packages.isdisjoint(_names([lock]))

    def among(self, known: Collection[str], *, partial: bool) -> Upgrade:
        """The same with packages and images named as locks name them.

        Raises UsageError for one that is not among the `known`, unless these are `partial`.
        """
        found: set[str] = set()
        for name in self.packages:
            same = _find_same(name, known)
            if not (same or partial):
                hint = suggest_near(name, known) or "leave the option out for what is not locked yet"
                kind = "image" if "/" in name else "package"
                raise UsageError(f"none of these locks has the {kind} `{name}`", hint=hint)
            found |= same or {name, _normalise_reference(name)}
        return replace(self, packages=frozenset(found))


def _find_same(name: str, known: Collection[str]) -> set[str]:
    """The packages of a name however it is written (PEP 503), else the image of a reference."""
    from packaging.utils import canonicalize_name

    packages = (each for each in known if "/" not in each)
    same = {each for each in packages if canonicalize_name(each) == canonicalize_name(name)}
    return same or {_normalise_reference(name)}.intersection(known)


def _normalise_reference(name: str) -> str:
    """An image's reference in normal form; anything else as it is."""
    try:
        return str(ImageName.parse(name))
    except EnvbuildError:
        return name


@dataclass(frozen=True, slots=True)
class Locker:
    """Locks targets in the order of their dependencies; equal questions are asked once.

    `look` tells what the tags of locked images name now.
    """

    analyzer: Analyzer
    files: LockFiles
    resolve: Resolve
    sink: EventSink
    look: Look = _look_nowhere
    _answers: dict[str, PlatformLock] = field(default_factory=dict)

    def lock(self, labels: Sequence[Label], upgrade: Upgrade) -> tuple[LockReport, ...]:
        """Lock what is missing or stale, and what `upgrade` names; nothing is written for a failed target.

        Raises UsageError where `upgrade` names a package that none of the locks has.
        """
        asking = [label for label in labels if self.analyzer.asks(label)]
        locks = [self._read(label)[0] for label in asking]
        named = upgrade.among(_names(locks), partial=None in locks)
        return tuple(self._lock_one(label, named) for label in asking)

    def _lock_one(self, label: Label, upgrade: Upgrade) -> LockReport:
        old, broken = self._read(label)
        questions = self.analyzer.questions(label, old.platforms if old else {})
        if not questions:
            return LockReport(label, written=False, path=self.files.path(label))
        stale = self.analyzer.find_stale(label, old, questions) if old else broken
        if old and not stale and not upgrade.concerns(old):
            moved = self._find_moved(old, old)
            return LockReport(label, written=False, path=self.files.path(label), moved=moved)
        self.sink.emit(Phase("resolving", str(label)))
        try:
            asked, platforms = self._answer_target(label, old, upgrade)
        except ResolveError as error:
            error.location = error.location or self.analyzer.location(label)
            raise
        new = Lock(self.analyzer.rule(label).name, record_inputs(asked), platforms)
        written = old is None or encode_lock(new) != encode_lock(old)
        if written:
            self.files.write(label, new)
        changes = tuple(compare_locks(old, new))
        moved = () if upgrade.everything else self._find_moved(old, new)
        return LockReport(
            label, written, self.files.path(label), changes, stale, tuple(_notes(new, asked)), moved
        )

    def _answer_target(
        self, label: Label, old: Lock | None, upgrade: Upgrade
    ) -> tuple[Mapping[Platform, Question], Mapping[Platform, PlatformLock]]:
        """What a target asks, and the answers: asked again where an answer is part of what is asked."""
        asked = self.analyzer.questions(label)
        refuse_unlike(asked)
        before = old.platforms if old else {}
        answers = {
            platform: self._answer_all(question, before.get(platform), upgrade)
            for platform, question in asked.items()
        }
        while (further := self.analyzer.questions(label, answers)) != asked:
            # This ends: images are never fewer for that, and triggers name only so many.
            asked = further
            answers = {
                platform: self._answer_all(question, answers.get(platform), Upgrade())
                for platform, question in asked.items()
            }
        return asked, answers

    def _find_moved(self, old: Lock | None, new: Lock) -> tuple[Change, ...]:
        """The images that stayed as they were locked, and whose tags did not."""
        stayed = sorted(_named_images(old) & _named_images(new))
        looked = (Change(reference, named, self.look(reference)) for reference, named in stayed)
        return tuple(change for change in looked if change.new not in ("", change.old))

    def _read(self, label: Label) -> tuple[Lock | None, tuple[str, ...]]:
        """The lock so far, or what is broken about it: locking again is what mends it."""
        try:
            return self.files.read(label), ()
        except BrokenLock as error:
            return None, (error.message,)

    def _answer_all(self, question: Question, old: PlatformLock | None, upgrade: Upgrade) -> PlatformLock:
        """The answers to all questions of a target as one."""
        singles = split_question(question)
        if len(singles) == 1:
            return self._answer(_with_preferences(singles[0], old, upgrade))
        merged = PlatformLock(())
        for asked in singles:
            single = follow_conda(asked, merged.artifacts) if isinstance(asked, PythonQuestion) else asked
            answer = self._answer(_with_preferences(single, old, upgrade))
            # What Debian packages offer is a base's fact; what wheels need is an environment's.
            facts = {} if isinstance(single, DebianQuestion) else answer.facts
            merged = PlatformLock(
                (*merged.artifacts, *answer.artifacts),
                {**merged.facts, **facts},
                {**merged.pins, **answer.pins},
                {**merged.images, **answer.images},
                {**merged.installed, **answer.installed},
                {**merged.builds, **answer.builds},
            )
        return merged

    def _answer(self, question: Single) -> PlatformLock:
        key = repr(question)
        if key not in self._answers:
            self._answers[key] = self.resolve(question)
        return self._answers[key]


def _names(locks: Iterable[Lock | None]) -> frozenset[str]:
    parts = (part for lock in locks if lock for part in lock.platforms.values())
    return frozenset(name for part in parts for name in _versions(part))


def _named_images(lock: Lock | None) -> set[tuple[str, str]]:
    """The images of a lock: their references, with the digests that these named."""
    parts = lock.platforms.values() if lock else ()
    return {(reference, image.named) for part in parts for reference, image in part.images.items()}


def compare_locks(old: Lock | None, new: Lock) -> Iterable[Change]:
    """What moved, over all platforms, each move once, in order of name."""
    moves: set[tuple[str, str, str]] = set()
    for platform, part in new.platforms.items():
        before = _movable(old.platforms[platform]) if old and platform in old.platforms else {}
        after = _movable(part)
        for name in before.keys() | after.keys():
            was, now = before.get(name, ""), after.get(name, "")
            if was != now:
                moves.add((name, was, now))
    return [Change(*move) for move in sorted(moves)]


def _movable(part: PlatformLock) -> dict[str, str]:
    """All that moves: versions, and the number by which steps with the network run again."""
    runs = {"generation of steps with network": part.facts[GENERATION]} if GENERATION in part.facts else {}
    return _versions(part) | runs


def _versions(part: PlatformLock) -> dict[str, str]:
    images = {reference: image.named for reference, image in part.images.items()}
    wheels = {each.name for each in part.artifacts if each.is_python}
    tools = {
        f"{each.name} (builds {name})": each.version
        for name, build in part.builds.items()
        for each in build.wheels
    }
    return {_call(each, wheels): _show_version(each) for each in part.artifacts} | images | tools


def _show_version(artifact: Locked) -> str:
    """Of conda packages, their builds differ, too."""
    return f"{artifact.version} {artifact.conda.build}" if artifact.conda else artifact.version


def _call(artifact: Locked, wheels: Collection[str]) -> str:
    """An artifact's name; a package of another kind that is called as a wheel is told apart."""
    kind = _OTHER_KINDS.get(artifact.kind)
    return f"{artifact.name} ({kind})" if kind and artifact.name in wheels else artifact.name


def _with_preferences(question: Single, old: PlatformLock | None, upgrade: Upgrade) -> Single:
    moving = None if upgrade.everything else upgrade.packages
    if isinstance(question, ImageQuestion):
        return replace(question, known=old, upgrade=moving)
    known, kinds = old or PlatformLock(()), _KINDS[type(question)]
    kept = {each.name: each for each in known.artifacts if each.kind in kinds}
    question = replace(question, preferences=kept, upgrade=moving)
    return replace(question, builds=known.builds) if isinstance(question, PythonQuestion) else question


def _notes(lock: Lock, asked: Mapping[Platform, Question]) -> Iterable[str]:
    parts = lock.platforms.values()
    notes = {note for part in parts for artifact in part.artifacts for note in artifact.notes}
    told = {note for part in parts for tell in (_tell_present, _tell_both) for note in tell(lock, part)}
    singles = (single for question in asked.values() for single in split_question(question))
    left_out = {
        _tell_left_out(file)
        for single in singles
        if isinstance(single, DebianQuestion)
        for file in single.left_out
    }
    return sorted(notes | told | left_out)


def _tell_left_out(file: str) -> str:
    """What of the configuration of the base's own apt is not followed."""
    if file.startswith("/etc/apt/preferences"):
        return f"the base's preferences in `{file}` are left out"
    return f"of the base's `{file}`, what is not its distribution's is left out"


def _tell_both(lock: Lock, part: PlatformLock) -> Iterable[str]:
    """Which packages are required of pip, and come from conda."""
    stated = lock.inputs.get("requirements")
    asked = {_requirement_name(str(each)) for each in stated} if isinstance(stated, list) else set()
    for name, pin in sorted(provided_pins(part.artifacts).items()):
        if name in asked:
            yield f"`{name}` is required of pip, and comes from conda: {pin.version}"


def _requirement_name(text: str) -> str:
    from envbuild.spec.requirement_line import parse_pinned

    return parse_pinned(text).name


def _tell_present(lock: Lock, part: PlatformLock) -> Iterable[str]:
    """Which of the Debian packages that are asked for the base has already."""
    asked = lock.inputs.get("packages")
    names = {str(each).partition("=")[0] for each in asked} if isinstance(asked, list) else set()
    for name in names & part.installed.keys():
        yield f"the base has `{name}` {part.installed[name]} already"
