"""Which stages a target needs, and what they stand on: known before anything is locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.oci.reference import ImageName
from envbuild.rule.context import Context
from envbuild.spec.dockerfile.instruction import Dockerfile, Instruction, Stage
from envbuild.spec.dockerfile.mount import read_origin, refuse_variables
from envbuild.spec.dockerfile.parse import parse_trigger
from envbuild.spec.dockerfile.words import expand_word
from envbuild.spec.problems import suggest

SCRATCH: Final = "scratch"


@dataclass(frozen=True, slots=True)
class Source:
    """What FROM, COPY --from or a mount names: a stage, a target of the workspace, or a registry's image."""

    stage: Stage | None = None
    label: Label | None = None
    image: str = ""  # in normal form


@dataclass(frozen=True, slots=True)
class Plan:
    """A Dockerfile with the values that a target gives it; `stated` are its build arguments.

    `triggers` are those (Dockerfile reference, "ONBUILD") of targets, and of images that are locked so far.
    """

    dockerfile: Dockerfile
    target: str
    stated: Mapping[str, str]
    contexts: Mapping[str, Label]
    platform: Platform
    triggers: Mapping[Source, tuple[str, ...]]

    @property
    def platform_arguments(self) -> dict[str, str]:
        """The arguments that BuildKit defines: a build here is always on its target's platform."""
        system, architecture = self.platform.os, self.platform.architecture
        values = {"PLATFORM": str(self.platform), "OS": system, "ARCH": architecture, "VARIANT": ""}
        sides = {f"{side}{key}": value for side in ("TARGET", "BUILD") for key, value in values.items()}
        return {**sides, "TARGETSTAGE": self.target or "default"}

    @property
    def arguments(self) -> dict[str, str]:
        """The values of the ARGs above the first FROM."""
        known: dict[str, str] = {}
        for instruction in self.dockerfile.arguments:
            for word in instruction.words:
                name, given, default = word.partition("=")
                if name in self.stated:
                    known[name] = self.stated[name]
                elif given:
                    scope = {**self.platform_arguments, **known}
                    known[name] = self.expand(default, scope, instruction)
        return known

    def goal(self) -> Stage:
        """The stage that is asked for, by name or number; the last one unless stated."""
        stages = self.dockerfile.stages
        if not self.target:
            return stages[-1]
        for stage in reversed(stages):
            if self.target.lower() == stage.name or self.target == str(stage.number):
                return stage
        names = [stage.name for stage in stages if stage.name]
        raise SpecError(f"the Dockerfile has no stage `{self.target}`", hint=suggest(self.target, names))

    def base(self, stage: Stage) -> Source | None:
        """What a stage begins with; None for `scratch`."""
        scope = {**self.platform_arguments, **self.arguments}
        place = Instruction("FROM", (stage.image,), {}, "", stage.location)
        if stage.platform and self.expand(stage.platform, scope, place) != str(self.platform):
            raise SpecError(
                f"`FROM --platform={stage.platform}` is not for `{self.platform}`",
                location=stage.location,
                hint="take it out: every stage is for the target's platform",
            )
        name = self.expand(stage.image, scope, place)
        if not name:
            hint = "give its ARG a default, or a value in the target's `args`"
            raise SpecError(f"`FROM {stage.image}` names nothing", hint=hint, location=stage.location)
        return None if name == SCRATCH else self.find(name, stage, place)

    def find(self, name: str, stage: Stage, instruction: Instruction) -> Source:
        """What a name means within a stage: an earlier stage, a context of the target, or an image."""
        taken = instruction.name != "FROM"
        for other in reversed(self.dockerfile.stages[: stage.number]):
            if name.lower() == other.name or (taken and name == str(other.number)):
                return Source(stage=other)
        for known in (name, _shorten(name)):
            if known in self.contexts:
                return Source(label=self.contexts[known])
        below = {each for other in self.dockerfile.stages for each in (other.name, str(other.number))}
        if taken and name.lower() in below:
            raise SpecError(
                f"the stage `{name}` is not above this one",
                location=instruction.location,
                hint="a stage takes files from those that end before it begins: change their order",
            )
        if name.isdecimal():
            raise SpecError(f"there is no stage {name} above", location=instruction.location)
        try:
            return Source(image=str(ImageName.parse(name)))
        except SpecError as error:
            raise SpecError(error.message, hint=error.hint, location=instruction.location) from None

    def instructions(self, stage: Stage) -> tuple[Instruction, ...]:
        """Those of a stage, behind the triggers of what it stands on."""
        base = self.base(stage)
        if base and base.stage:
            texts = tuple(each.text for each in base.stage.instructions if each.name == "ONBUILD")
        else:
            texts = self.triggers.get(base, ()) if base else ()
        return (*(parse_trigger(text, stage.location) for text in texts), *stage.instructions)

    def stages(self) -> tuple[Stage, ...]:
        """The stages that the goal needs, each once, what is stood on first."""
        found: dict[int, Stage] = {}
        self._visit(self.goal(), found)
        return tuple(found.values())

    def sources(self) -> Iterator[tuple[Source, Instruction | None]]:
        """All that the needed stages stand on or take files from, in order."""
        for stage in self.stages():
            base = self.base(stage)
            if base:
                yield base, None
            for instruction in self.instructions(stage):
                yield from ((source, instruction) for source in self._named_by(instruction, stage))

    def declare(
        self, instruction: Instruction, arguments: dict[str, str], variables: Mapping[str, str]
    ) -> None:
        """Add an ARG's: each has the value that the target states, else its default, else that above FROM."""
        above = {**self.platform_arguments, **self.arguments}
        for word in instruction.words:
            name, given, default = word.partition("=")
            if name in self.stated:
                arguments[name] = self.stated[name]
            elif given:
                arguments[name] = self.expand(default, {**variables, **arguments}, instruction)
            elif name in above:
                arguments[name] = above[name]

    def expand(self, text: str, scope: Mapping[str, str], instruction: Instruction) -> str:
        """A word with its variables; raises SpecError with the line."""
        try:
            return expand_word(text, scope, self.dockerfile.escape)
        except SpecError as error:
            raise SpecError(error.message, hint=error.hint, location=instruction.location) from None

    def _visit(self, stage: Stage, found: dict[int, Stage]) -> None:
        """Depth first; a stage names earlier ones only, so this ends."""
        if stage.number in found:
            return
        named = [self.base(stage)]
        for instruction in self.instructions(stage):
            named.extend(self._named_by(instruction, stage))
        for source in named:
            if source and source.stage:
                self._visit(source.stage, found)
        found[stage.number] = stage

    def _named_by(self, instruction: Instruction, stage: Stage) -> Iterator[Source]:
        try:
            names = list(_read_names(instruction))
        except SpecError as error:
            raise SpecError(error.message, hint=error.hint, location=instruction.location) from None
        for name in names:
            yield self.find(name, stage, instruction)


def _read_names(instruction: Instruction) -> Iterator[str]:
    """What an instruction takes files from besides the context."""
    if instruction.name == "COPY" and "from" in instruction.flags:
        refuse_variables(instruction.flag("from"), "--from=")
        yield instruction.flag("from")
    if instruction.name == "RUN":
        yield from filter(None, map(read_origin, instruction.flags.get("mount", ())))


def make_plan(ctx: Context, dockerfile: Dockerfile) -> Plan:
    """The plan of a target with the attributes `target`, `args` and `contexts`; raises SpecError."""
    triggers = dict(_find_triggers(ctx))
    plan = Plan(dockerfile, ctx["target"], ctx["args"], ctx["contexts"], ctx.platform, triggers)
    try:
        _refuse_unknown_arguments(plan)
        plan.goal()
    except SpecError as error:
        raise ctx.fail(error.message, error.hint) from None
    return plan


def _find_triggers(ctx: Context) -> Iterator[tuple[Source, tuple[str, ...]]]:
    for label in ctx["contexts"].values():
        yield Source(label=label), ctx.dependencies[label].config.on_build
    locked = ctx.known or ctx.locked
    for reference, image in (locked.images if locked else {}).items():
        yield Source(image=reference), image.runtime.on_build


def _shorten(name: str) -> str:
    """An image's name without what Docker adds to short ones."""
    return name.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")


def has_network(instruction: Instruction) -> bool:
    """Whether a step asks for the network, which it has not by itself."""
    return instruction.name == "RUN" and instruction.flag("network", "none") != "none"


def _refuse_unknown_arguments(plan: Plan) -> None:
    declared = {word.partition("=")[0] for each in _all_arguments(plan) for word in each.words}
    for name in plan.stated:
        if name not in declared:
            hint = suggest(name, declared) or f"add `ARG {name}` to the Dockerfile"
            raise SpecError(f"the Dockerfile has no argument `{name}`", hint=hint)


def _all_arguments(plan: Plan) -> Iterator[Instruction]:
    """The ARGs, triggers among them."""
    yield from plan.dockerfile.arguments
    for stage in plan.dockerfile.stages:
        known = [
            parse_trigger(each.text, each.location) for each in stage.instructions if each.name == "ONBUILD"
        ]
        yield from (each for each in (*stage.instructions, *known) if each.name == "ARG")
    for texts in plan.triggers.values():
        yield from (each for text in texts if (each := parse_trigger(text, Location(""))).name == "ARG")
