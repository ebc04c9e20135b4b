"""Analysis: from targets and their locks to images whose actions are declared. No I/O of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import Location, LockError, SpecError
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.graph.goal import Goal
from envbuild.lock.check import check_lock
from envbuild.lock.model import Index, Lock, Locked, PlatformLock, Question
from envbuild.rule.context import Context
from envbuild.rule.declared import DeclaredAction
from envbuild.rule.image import Image, declare_index
from envbuild.rule.kind import Rule
from envbuild.spec.targets import Target

_NOTHING: Final[Mapping[Platform, PlatformLock]] = {}


@dataclass(frozen=True, slots=True)
class Configured:
    """A target whose actions are declared: its images by platform and the action that ends it."""

    label: Label
    images: Mapping[Platform, Image]
    action: DeclaredAction

    @property
    def definition(self) -> str:
        """The definition digest, "sha256:<hex>"."""
        return self.action.definition

    @property
    def foreign(self) -> Mapping[Digest, Locked]:
        """The layers that come from images of registries."""
        layers = (layer.artifact for image in self.images.values() for layer in image.foreign)
        return {Digest(layer.sha256, layer.size): layer for layer in layers}

    @property
    def hash(self) -> str:
        """What names the image: the first 32 hex digits of the definition digest."""
        return self.goal.hash

    @property
    def name(self) -> str:
        """`env_<hash>`: what the store calls the image."""
        return self.goal.name

    @property
    def goal(self) -> Goal:
        """What building it takes."""
        owners = {
            str(platform): tuple(layer.packages for layer in image.all_layers)
            for platform, image in self.images.items()
        }
        return Goal(str(self.label), self.action, owners, self.foreign)


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the workspace enters analysis."""

    indexes: tuple[Index, ...]
    epoch: int
    channels: tuple[str, ...] = ()


class Analyzer:
    """Analyses targets on demand, each once per platform."""

    def __init__(
        self,
        targets: Callable[[Label], Target],
        locks: Callable[[Label], Lock | None],
        rules: Mapping[str, Rule],
        settings: Settings,
    ) -> None:
        self._targets = targets
        self._locks = locks
        self._rules = rules
        self._settings = settings
        self._images: dict[tuple[Label, Platform], Image] = {}

    def configure(self, label: Label, platforms: tuple[Platform, ...] = ()) -> Configured:
        """The target for `platforms` (all of its own by default); raises SpecError or LockError."""
        wanted = platforms or self.platforms(label)
        self._refuse_other_platforms(label, wanted)
        images = {platform: self.image(label, platform) for platform in sorted(wanted)}
        if len(images) == 1:
            (image,) = images.values()
            return Configured(label, images, image.action)
        actions = {platform: image.action for platform, image in images.items()}
        return Configured(label, images, declare_index(actions, str(label)))

    def platforms(self, label: Label) -> tuple[Platform, ...]:
        """The platforms that the target states."""
        return tuple(self._targets(label).attributes["platforms"])

    def rule(self, label: Label) -> Rule:
        """The rule that the target calls."""
        return self._rules[self._targets(label).kind]

    def location(self, label: Label) -> Location:
        """Where a target is declared."""
        return self._targets(label).location

    def asks(self, label: Label) -> bool:
        """Whether the target has anything to lock."""
        return self.rule(label).question is not None

    def image(self, label: Label, platform: Platform) -> Image:
        """The image of one platform; raises LockError where its lock is missing or stale."""
        key = (label, platform)
        if key not in self._images:
            context = self._context(label, platform, locked=self._locked(label, platform))
            self._images[key] = self.rule(label).implementation(context)
        return self._images[key]

    def question(
        self, label: Label, platform: Platform, known: PlatformLock | None = None
    ) -> Question | None:
        """What must be locked for the target; needs the locks of what it stands on.

        `known` is what is locked so far: what an image of it says may be part of what is asked.
        """
        ask = self.rule(label).question
        return ask(self._context(label, platform, known=known)) if ask else None

    def questions(
        self, label: Label, known: Mapping[Platform, PlatformLock] = _NOTHING
    ) -> dict[Platform, Question]:
        """What must be locked for each of the target's platforms."""
        asked = {each: self.question(label, each, known.get(each)) for each in self.platforms(label)}
        return {platform: question for platform, question in asked.items() if question is not None}

    def find_stale(self, label: Label, lock: Lock, questions: Mapping[Platform, Question]) -> tuple[str, ...]:
        """Why a lock does not answer these questions of the target; nothing where it does."""
        return check_lock(lock, self.rule(label).name, questions, self.platforms(label))

    def _refuse_other_platforms(self, label: Label, wanted: tuple[Platform, ...]) -> None:
        offered = self.platforms(label)
        for platform in wanted:
            if platform not in offered:
                listed = ", ".join(f"`{each}`" for each in offered)
                raise SpecError(
                    f"`{label}` is built for {listed}, not for `{platform}`",
                    hint="add it to the target's `platforms`, and lock it",
                )

    def _locked(self, label: Label, platform: Platform) -> PlatformLock | None:
        question = self.question(label, platform)
        if question is None:
            return None
        lock = self._locks(label)
        mend = f"envbuild lock {label}"
        if lock is None:
            raise LockError(f"`{label}` has no lock", hint=f"run `{mend}`")
        known = lock.platforms.get(platform)
        if known and known.images:
            question = self.question(label, platform, known) or question
        reasons = self.find_stale(label, lock, {platform: question})
        if reasons:
            raise LockError(describe_stale(label, reasons), hint=f"run `{mend}`")
        return lock.platforms[platform]

    def _context(
        self,
        label: Label,
        platform: Platform,
        *,
        locked: PlatformLock | None = None,
        known: PlatformLock | None = None,
    ) -> Context:
        target = self._targets(label)
        below = {each: self._dependency(label, each, platform) for each in target.dependencies}
        return Context(
            label=label,
            platform=platform,
            attributes=target.attributes,
            dependencies=below,
            indexes=self._settings.indexes,
            epoch=self._settings.epoch,
            channels=self._settings.channels,
            locked=locked,
            known=known,
            location=target.location,
        )

    def _dependency(self, label: Label, below: Label, platform: Platform) -> Image:
        offered = self.platforms(below)
        if platform not in offered:
            listed = ", ".join(f"`{each}`" for each in offered)
            raise SpecError(
                f"`{label}` is built for `{platform}`, but `{below}` only for {listed}",
                hint=f"add `{platform}` to the platforms of `{below}`",
                location=self.location(label),
            )
        return self.image(below, platform)


def describe_stale(label: Label, reasons: Iterable[str]) -> str:
    """Why a lock is stale, for users: a reason a line."""
    return "\n".join([f"the lock of `{label}` is stale:", *(f"  {reason}" for reason in reasons)])
