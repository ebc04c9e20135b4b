"""Runs through the stages that a target needs, and declares an image for each."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.rule.config import Config
from envbuild.rule.context import Context
from envbuild.rule.dockerfile.plan import Plan, Source, make_plan
from envbuild.rule.dockerfile.stage import StageBuilder
from envbuild.rule.image import Image
from envbuild.spec.dockerfile.context import ContextEntry
from envbuild.spec.dockerfile.instruction import Dockerfile


def build_image(ctx: Context, dockerfile: Dockerfile, files: tuple[ContextEntry, ...]) -> Image:
    """The image of the stage that is asked for; raises SpecError with the line of the Dockerfile."""
    plan = make_plan(ctx, dockerfile)
    images = _Images(ctx, plan)
    arguments: dict[int, Mapping[str, str]] = {}  # a stage has those of the stage that it stands on
    for stage in plan.stages():
        base = plan.base(stage)
        builder = StageBuilder(ctx, plan, stage, files, images.find, images.find(base) if base else None)
        if base and base.stage:
            builder.arguments = dict(arguments[base.stage.number])
        images.stages[stage.number] = builder.build()
        arguments[stage.number] = builder.arguments
    return images.stages[plan.goal().number]


class _Images:
    """The images that a Dockerfile names: its stages, other targets, and those of registries."""

    def __init__(self, ctx: Context, plan: Plan) -> None:
        self._ctx = ctx
        self._plan = plan
        self._locked: dict[str, Image] = {}
        self.stages: dict[int, Image] = {}

    def find(self, source: Source) -> Image:
        """The image that a source means."""
        if source.stage:
            return self.stages[source.stage.number]
        if source.label:
            return self._ctx.dependencies[source.label]
        if source.image not in self._locked:
            self._locked[source.image] = self._ctx.locked_image(source.image, Config())
        return self._locked[source.image]
