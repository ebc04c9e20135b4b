"""`debian_base`: an image of locked Debian packages, made without running their scripts."""

from __future__ import annotations

from envbuild.rule import (
    Config,
    Context,
    Debian,
    DebianQuestion,
    Fetched,
    Image,
    Plan,
    attr,
    builtins,
    read_facts,
    read_suites,
    rule,
)

# A base has few layers: they are shared by everything on it and change together.
DEBS = Plan(alone=2, threshold=3_000_000, buckets=3)


def _question(ctx: Context) -> DebianQuestion:
    return DebianQuestion(
        source=ctx["source"],
        suite=read_suites(ctx["suite"]),
        components=tuple(ctx["components"]),
        packages=tuple(sorted(ctx["packages"])),
        essential=ctx["essential"],
        platform=ctx.platform,
    )


@rule(
    question=_question,
    attributes={
        "suite": attr.text(
            required=True, doc="the suite, such as `bookworm`, or several with blanks between"
        ),
        "packages": attr.text_list(required=True, doc="package names, each with an optional `=version`"),
        "components": attr.text_list(default=("main",), doc="the archive areas to take packages from"),
        "source": attr.text(default="debian", doc="the mirror's alias in envbuild.yaml"),
        "essential": attr.boolean(doc="add the shell and the tools that steps need"),
        "variables": attr.text_map(doc="environment variables of the image"),
    },
)
def debian_base(ctx: Context) -> Image:
    """Locked .debs as layers, and what their maintainer scripts would have written."""
    debs = {f"{n:04}": Fetched(deb) for n, deb in enumerate(ctx.answer.artifacts)}
    architecture = {"architecture": ctx.platform.architecture}
    root = ctx.part(builtins.DEBIAN_ROOT, architecture, {}, owner="debian-root", mnemonic="DebianRoot")
    state = ctx.part(
        builtins.DEBIAN_STATE, {}, debs, owner="debian-state", mnemonic="DebianState", overrides=True
    )
    packages = ctx.layers([ctx.deb(deb) for deb in ctx.answer.artifacts], DEBS)
    layers = (*ctx.layers([root]), *packages, *ctx.layers([state]))
    config = Config(variables=ctx["variables"])
    facts = read_facts(ctx.answer.facts, ctx.platform)
    return ctx.image(layers, config, facts=facts, merged_usr=True, debian=_debian(ctx))


def _debian(ctx: Context) -> Debian:
    """What there is for those that add to it."""
    none = Debian({}, ctx["source"], read_suites(ctx["suite"]), tuple(ctx["components"]))
    return none.add(ctx.answer.artifacts)
