"""Which stages a target needs, and what they stand on: known before anything is locked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.oci.reference import ImageName
from envbuild.rule.context import Context
from envbuild.spec.dockerfile.instruction import Dockerfile, Instruction, Stage
from envbuild.spec.dockerfile.mount import read_mount
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
    """A Dockerfile with the values that a target gives it; `stated` are its build arguments."""

    dockerfile: Dockerfile
    target: str
    stated: Mapping[str, str]
    contexts: Mapping[str, Label]
    platform: Platform

    @property
    def platform_arguments(self) -> dict[str, str]:
        """The arguments that BuildKit defines: a build here is always on its target's platform."""
        system, architecture = self.platform.os, self.platform.architecture
        values = {"PLATFORM": str(self.platform), "OS": system, "ARCH": architecture, "VARIANT": ""}
        return {f"{side}{key}": value for side in ("TARGET", "BUILD") for key, value in values.items()}

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
        for other in reversed(self.dockerfile.stages[: stage.number]):
            if name.lower() == other.name or (instruction.name != "FROM" and name == str(other.number)):
                return Source(stage=other)
        if name in self.contexts:
            return Source(label=self.contexts[name])
        if name.isdecimal():
            raise SpecError(f"there is no stage {name} above", location=instruction.location)
        try:
            return Source(image=str(ImageName.parse(name)))
        except SpecError as error:
            raise SpecError(error.message, hint=error.hint, location=instruction.location) from None

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
            for instruction in stage.instructions:
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
        for instruction in stage.instructions:
            named.extend(self._named_by(instruction, stage))
        for source in named:
            if source and source.stage:
                self._visit(source.stage, found)
        found[stage.number] = stage

    def _named_by(self, instruction: Instruction, stage: Stage) -> Iterator[Source]:
        if instruction.name == "COPY" and "from" in instruction.flags:
            yield self.find(instruction.flag("from"), stage, instruction)
        if instruction.name == "RUN":
            for text in instruction.flags.get("mount", ()):
                try:
                    origin = read_mount(text).origin
                except SpecError as error:
                    raise SpecError(error.message, hint=error.hint, location=instruction.location) from None
                if origin:
                    yield self.find(origin, stage, instruction)


def make_plan(ctx: Context, dockerfile: Dockerfile) -> Plan:
    """The plan of a target with the attributes `target`, `args` and `contexts`; raises SpecError."""
    plan = Plan(dockerfile, ctx["target"], ctx["args"], ctx["contexts"], ctx.platform)
    try:
        _refuse_unknown_arguments(plan)
        plan.goal()
    except SpecError as error:
        raise ctx.fail(error.message, error.hint) from None
    return plan


def has_network(instruction: Instruction) -> bool:
    """Whether a step asks for the network, which it has not by itself."""
    return instruction.name == "RUN" and instruction.flag("network", "none") != "none"


def _refuse_unknown_arguments(plan: Plan) -> None:
    declared = {word.partition("=")[0] for each in _all_arguments(plan.dockerfile) for word in each.words}
    for name in plan.stated:
        if name not in declared:
            hint = suggest(name, declared) or f"add `ARG {name}` to the Dockerfile"
            raise SpecError(f"the Dockerfile has no argument `{name}`", hint=hint)


def _all_arguments(dockerfile: Dockerfile) -> Sequence[Instruction]:
    below = [each for stage in dockerfile.stages for each in stage.instructions if each.name == "ARG"]
    return [*dockerfile.arguments, *below]
