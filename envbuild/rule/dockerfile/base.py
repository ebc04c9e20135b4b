"""A Dockerfile as what a target stands on: what is known before it is built, and checked after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envbuild.core.platform import Facts
from envbuild.lock.model import ImageQuestion
from envbuild.rule import attr, builtins
from envbuild.rule.context import Context
from envbuild.rule.declared import DeclaredAction, Input
from envbuild.rule.dockerfile.build import build_image
from envbuild.rule.dockerfile.plan import make_plan
from envbuild.rule.dockerfile.question import ask_images
from envbuild.rule.image import Image
from envbuild.spec.attribute import Attribute

ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    "dockerfile": attr.dockerfile(doc="a Dockerfile's path, or its text, in the place of `base`"),
    "context": attr.context(default=None, doc="the folder that its COPY and ADD take files from"),
    "args": attr.text_map(doc="values of its ARGs"),
    "target": attr.text(doc="its stage to stand on; the last one unless stated"),
    "contexts": attr.label_map(doc="targets that its FROM and `--from` may name"),
    "interpreter": attr.interpreter(doc="where its Python is; `managed: false`: it is used as it is"),
}


def ask_base(ctx: Context) -> ImageQuestion | None:
    """What must be locked for the Dockerfile of a target that has one."""
    return ask_images(ctx, ctx["dockerfile"])


def build_base(ctx: Context) -> Image:
    """The image of the Dockerfile's stage."""
    return build_image(ctx, ctx["dockerfile"], ctx["context"] or ())


def find_ground(ctx: Context) -> tuple[Image | None, bool]:
    """The target at the bottom of the stage that is asked for, and whether a step runs above it."""
    plan = make_plan(ctx, ctx["dockerfile"])
    stage, runs = plan.goal(), False
    while True:
        runs = runs or any(each.name == "RUN" for each in stage.instructions)
        source = plan.base(stage)
        if source is None or source.image:
            return None, runs
        if source.label:
            return ctx.dependencies[source.label], runs
        assert source.stage is not None
        stage = source.stage


def check_facts(ctx: Context, base: Image, facts: Facts) -> DeclaredAction:
    """The action that compares what a target states of its Dockerfile's image with what is in it."""
    assert facts.python is not None
    stated = {"libc": str(facts.libc), "python": facts.python.version, "interpreter": facts.python.path}
    inputs: dict[str, Input] = {f"{n:03}": layer.blob for n, layer in enumerate(base.all_layers)}
    outputs = (builtins.CHECKED,)
    return DeclaredAction(builtins.CHECK_FACTS, stated, inputs, outputs, "CheckFacts", str(ctx.label))
