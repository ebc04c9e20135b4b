"""`base_image`: an image of a registry, locked by its digests, for others to stand on."""

from __future__ import annotations

from envbuild.rule import Config, Context, Image, ImageName, ImageQuestion, SpecError, attr, rule


def _question(ctx: Context) -> ImageQuestion:
    try:
        name = ImageName.parse(ctx["image"], alias=ctx["registry"])
    except SpecError as error:
        raise ctx.fail(error.message, hint=error.hint) from None
    return ImageQuestion((str(name),), ctx.platform)


@rule(
    question=_question,
    attributes={
        "image": attr.text(required=True, doc="`host/repository:tag`, or `...@sha256:<digest>`"),
        "registry": attr.text(doc="a registry's alias in envbuild.yaml, for an `image` without host"),
        "variables": attr.text_map(doc="environment variables, over the image's"),
    },
)
def base_image(ctx: Context) -> Image:
    """The layers and the configuration of an image that others made."""
    (reference,) = ctx.answer.images
    return ctx.locked_image(reference, Config(variables=ctx["variables"]))
