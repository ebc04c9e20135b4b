"""One stage: its instructions in order, each changing the configuration or adding a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from envbuild.core.errors import SpecError
from envbuild.oci.config import Runtime
from envbuild.rule.bytecode import check_steps
from envbuild.rule.config import SYSTEM_PATH
from envbuild.rule.context import Context
from envbuild.rule.dockerfile.plan import Plan, Source
from envbuild.rule.dockerfile.settings import SETTINGS
from envbuild.rule.dockerfile.steps import Step
from envbuild.rule.image import Image, Layer
from envbuild.spec.dockerfile.context import ContextEntry
from envbuild.spec.dockerfile.instruction import Instruction, Stage

# Whose words are expanded before they are looked at (Dockerfile reference, "Environment replacement").
_EXPANDED: Final = frozenset(
    {"ADD", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)


@dataclass
class StageBuilder:
    """Builds the image of one stage; used once."""

    ctx: Context
    plan: Plan
    stage: Stage
    files: tuple[ContextEntry, ...]
    find_image: Callable[[Source], Image]
    base: Image | None
    layers: list[Layer] = field(default_factory=list)
    config: Runtime = field(default_factory=Runtime)
    arguments: dict[str, str] = field(default_factory=dict)
    command_stated: bool = False

    def build(self) -> Image:
        """The stage's image on its base; raises SpecError with the line."""
        inherited = self.base.config if self.base else Runtime(workdir="/")
        variables = {"PATH": SYSTEM_PATH, **inherited.variables}
        self.config = replace(inherited, on_build=(), variables=variables)
        for instruction in self.plan.instructions(self.stage):
            self._apply(instruction)
        checks = check_steps(self.base, self.layers, str(self.ctx.label)) if self.base else ()
        return self.ctx.stacked_image(self.layers, self.config, self.base, checks)

    def _apply(self, instruction: Instruction) -> None:
        try:
            self._take(instruction)
        except SpecError as error:
            if error.location:
                raise
            raise SpecError(error.message, hint=error.hint, location=instruction.location) from None

    def _take(self, instruction: Instruction) -> None:
        name = instruction.name
        if name in _EXPANDED:
            words = tuple(self.plan.expand(word, self._scope, instruction) for word in instruction.words)
            instruction = replace(instruction, words=words)
        if name == "ARG":
            self.plan.declare(instruction, self.arguments, self.config.variables)
        elif name in ("RUN", "COPY", "ADD"):
            self.layers.append(getattr(self._step, name.lower())(instruction))
        else:
            self.config = SETTINGS[name](self.config, instruction)
            self._settle(instruction)
            if name == "WORKDIR" and self.config.workdir != "/":
                self.layers.append(self._step.workdir(instruction))

    @property
    def _scope(self) -> Mapping[str, str]:
        """The variables that words may name: an argument hides what was set before it."""
        return {**self.config.variables, **self.arguments}

    @property
    def _step(self) -> Step:
        return Step(
            ctx=self.ctx,
            below=self.base,
            layers=tuple(self.layers),
            config=self.config,
            scope=self._scope,
            files=self.files,
            find_image=lambda name, instruction: self.find_image(
                self.plan.find(name, self.stage, instruction)
            ),
            escape=self.plan.dockerfile.escape,
        )

    def _settle(self, instruction: Instruction) -> None:
        """An entrypoint drops the command that the base states, but none of this stage's own.

        ENV hides the arguments of its names that were declared before it.
        """
        if instruction.name == "CMD":
            self.command_stated = True
        elif instruction.name == "ENTRYPOINT" and not self.command_stated:
            self.config = replace(self.config, command=())
        elif instruction.name == "ENV":
            for variable in instruction.words[::2]:
                self.arguments.pop(variable, None)
