"""What must be locked for a Dockerfile: images of registries, downloads, and whether a step has network."""

from __future__ import annotations

from collections.abc import Iterator

from envbuild.lock.model import ImageQuestion
from envbuild.oci.config import Runtime
from envbuild.rule.context import Context
from envbuild.rule.dockerfile.downloads import find_downloads
from envbuild.rule.dockerfile.plan import Plan, has_network, make_plan
from envbuild.spec.dockerfile.instruction import Dockerfile


def ask_images(ctx: Context, dockerfile: Dockerfile) -> ImageQuestion | None:
    """What the target's stages need from elsewhere; None where nothing needs a lock."""
    plan = make_plan(ctx, dockerfile)
    images = {source.image for source, _ in plan.sources() if source.image}
    networked = any(has_network(each) for stage in plan.stages() for each in plan.instructions(stage))
    downloads = find_downloads(plan, dict(_inherited(ctx, plan)))
    if not images and not networked and not downloads:
        return None
    return ImageQuestion(tuple(sorted(images)), ctx.platform, networked, downloads=downloads)


def _inherited(ctx: Context, plan: Plan) -> Iterator[tuple[int, Runtime]]:
    """The configuration of what stages stand on: of targets, and of images that are locked so far."""
    images = ctx.known.images if ctx.known else {}
    for stage in plan.stages():
        base = plan.base(stage)
        if base and base.label:
            yield stage.number, ctx.dependencies[base.label].config
        elif base and base.image in images:
            yield stage.number, images[base.image].runtime
