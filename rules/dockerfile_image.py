"""`dockerfile_image`: an image by a Dockerfile, each instruction a cached action of its own."""

from __future__ import annotations

from envbuild.rule import Context, Image, ImageQuestion, attr, dockerfile, rule


def _question(ctx: Context) -> ImageQuestion | None:
    return dockerfile.ask_images(ctx, ctx["dockerfile"])


@rule(
    question=_question,
    attributes={
        "dockerfile": attr.dockerfile(required=True, doc="the Dockerfile's path, or its text"),
        "context": attr.context(doc="the folder that COPY and ADD take files from"),
        "args": attr.text_map(doc="values of its ARGs"),
        "target": attr.text(doc="the stage to build; the last one unless stated"),
        "contexts": attr.label_map(doc="targets that FROM and `--from` may name"),
    },
)
def dockerfile_image(ctx: Context) -> Image:
    """The stages that the target needs; a step runs again only where its inputs changed."""
    return dockerfile.build_image(ctx, ctx["dockerfile"], ctx["context"])
