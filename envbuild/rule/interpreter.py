"""An interpreter that is stated: one of the base's, or the image's own, which nothing is added to."""

from __future__ import annotations

from envbuild.rule.context import Context
from envbuild.rule.ground import choose_interpreter, is_stated


def is_user_managed(ctx: Context) -> bool:
    """Whether the image's own interpreter is used as it is, and nothing of Python is added."""
    return ctx["interpreter"] is not None and not ctx["interpreter"].managed


def check_interpreter(ctx: Context) -> None:
    """Refuse what cannot go with a stated interpreter, and one that the base is known not to have."""
    stated, base = ctx["interpreter"], ctx.dependency("base")
    if stated is None:
        return
    if not stated.managed:
        _refuse_additions(ctx)
    if ctx["dockerfile"] or is_stated(ctx):
        return  # what it will have is checked when it is built
    if base is None:
        raise ctx.fail("on `scratch` there is no interpreter", hint="leave `interpreter` out, or name a base")
    if base.has_steps and not stated.managed:
        return
    known = base.facts.python
    if known is None and (base.facts.libc or stated.managed):
        raise ctx.fail(
            f"its base `{ctx['base']}` has no Python at `{stated.path}`",
            hint="change `interpreter`, or the base",
        )
    if known is not None and choose_interpreter(ctx, base) is None:
        others = [] if base.prefix else [f" or `path: {each.path}`" for each in base.facts.others]
        raise ctx.fail(
            f"its base `{ctx['base']}` has its Python at `{known.path}`, not at `{stated.path}`",
            hint=f"write `path: {known.path}`{''.join(others)}",
        )


def _refuse_additions(ctx: Context) -> None:
    asked = ctx["pip"]
    stated = {
        "pip": asked.requirements or asked.constraints or asked.wheels,
        "wheels": ctx["wheels"],
        "sdists": ctx["sdists"],
        "prefix": ctx["prefix"],
        "compile": ctx["compile"],
        "conda": ctx["conda"],
    }
    for name, value in stated.items():
        if value:
            raise ctx.fail(
                f"it states `{name}`, but its interpreter is not managed: nothing of Python is added",
                hint=f"leave `{name}` out, or `managed: false`",
            )
