"""A Dockerfile as what a target stands on: what is known before it is built, and checked after.

What reads Dockerfiles is imported for targets that have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from envbuild.core.platform import Facts
from envbuild.lock.model import ImageQuestion, Json
from envbuild.rule import attr, builtins
from envbuild.rule.context import Context
from envbuild.rule.declared import DeclaredAction, Input
from envbuild.rule.image import Image, Layer
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
    from envbuild.rule.dockerfile.question import ask_images

    return ask_images(ctx, ctx["dockerfile"])


def build_base(ctx: Context) -> Image:
    """The image of the Dockerfile's stage."""
    from envbuild.rule.dockerfile.build import build_image

    return build_image(ctx, ctx["dockerfile"], ctx["context"] or ())


def find_ground(ctx: Context) -> tuple[Image | None, bool]:
    """The target at the bottom of the stage that is asked for, and whether a step runs above it."""
    from envbuild.rule.dockerfile.plan import make_plan

    plan = make_plan(ctx, ctx["dockerfile"])
    stage, runs = plan.goal(), False
    while True:
        runs = runs or any(each.name == "RUN" for each in plan.instructions(stage))
        source = plan.base(stage)
        if source is None or source.image:
            return None, runs
        if source.label:
            return ctx.dependencies[source.label], runs
        assert source.stage is not None
        stage = source.stage


def check_facts(ctx: Context, base: Image | None, facts: Facts) -> tuple[DeclaredAction, ...]:
    """What compares the facts of a base with what is in it; none where no step may have changed them."""
    libc = {"libc": str(facts.libc)} if facts.libc else {}
    python = facts.python
    return _check(
        ctx, base, libc | ({"python": python.version, "interpreter": python.path} if python else {})
    )


def check_program(ctx: Context, base: Image | None, path: str) -> tuple[DeclaredAction, ...]:
    """What fails where a base whose steps might have made a program has none at this path."""
    return _check(ctx, base, {"program": path})


def _check(ctx: Context, base: Image | None, stated: Mapping[str, Json]) -> tuple[DeclaredAction, ...]:
    if base is None or not _has_unchecked_steps(base):
        return ()
    inputs: dict[str, Input] = {f"{n:03}": layer.blob for n, layer in enumerate(base.all_layers)}
    outputs = (builtins.CHECKED,)
    return (DeclaredAction(builtins.CHECK_FACTS, stated, inputs, outputs, "CheckFacts", str(ctx.label)),)


def _has_unchecked_steps(base: Image) -> bool:
    """Whether steps lie above the layers that were compared for an environment below."""
    checks = (check for check in base.checks if check.builtin == builtins.CHECK_FACTS)
    checked = max((len(check.inputs) for check in checks), default=0)
    return any(isinstance(layer, Layer) and not layer.parts for layer in base.all_layers[checked:])
