"""Debian packages on a base that has some: what to ask, and which layers the answer makes."""

from __future__ import annotations

from collections.abc import Sequence

from envbuild.core.errors import SpecError
from envbuild.lock.model import DebianQuestion, Locked
from envbuild.rule import attr, builtins
from envbuild.rule.context import Context
from envbuild.rule.debian import Debian, read_suites
from envbuild.rule.declared import Fetched, Input
from envbuild.rule.image import Image, Layer, Part
from envbuild.rule.layering import Plan

DEBS = Plan(alone=6, threshold=3_000_000, buckets=4)
ATTRIBUTES = {
    "apt": attr.text_list(doc="names of Debian packages, each with an optional `=version`"),
    "apt_suite": attr.text(doc="the suite or suites that they come from; the base's unless stated"),
    "apt_components": attr.text_list(doc="its areas; the base's, else `main`"),
    "apt_source": attr.text(doc="the mirror's alias in envbuild.yaml; the base's, else `debian`"),
}


def ask_packages(ctx: Context, base: Image | None) -> DebianQuestion | None:
    """Which packages a target needs beyond its base's; None where it asks for none.

    Raises SpecError where the base has no Debian packages, or nobody tells the suite.
    """
    if not ctx["apt"]:
        return None
    if base is None or base.debian is None:
        raise ctx.fail(
            f"its base `{ctx['base']}` has no Debian packages, and `apt` adds to those",
            hint="stand it on a `debian_base`, or on a `base_image` of Debian",
        )
    stated = read_suites(ctx["apt_suite"])
    suite = stated or base.debian.suite
    if not suite:
        raise _unknown_suite(ctx)
    return DebianQuestion(
        source=ctx["apt_source"] or base.debian.source or "debian",
        suite=suite,
        components=tuple(ctx["apt_components"]) or base.debian.components or ("main",),
        packages=tuple(sorted(ctx["apt"])),
        essential=False,
        platform=ctx.platform,
        installed=base.debian.packages,
        by_image=not (stated or base.debian.source),
        left_out=() if stated else base.debian.left_out,
    )


def _unknown_suite(ctx: Context) -> SpecError:
    return ctx.fail(
        f"its base `{ctx['base']}` does not tell which suite its packages are from",
        hint="state it: `apt_suite: bookworm`",
    )


def add_packages(ctx: Context, base: Image | None) -> tuple[tuple[Layer, ...], Debian | None]:
    """The layers of the locked packages, and what is there with them."""
    below = base.debian if base else None
    if not ctx["apt"]:  # a target that adds nothing else may have no lock
        return (), below
    debs = tuple(each for each in ctx.answer.artifacts if each.kind == "deb")
    if base is None or below is None or not debs:
        return (), below
    parts = [ctx.deb(deb, merged_usr=base.merged_usr) for deb in debs]
    addition = _addition(ctx, base, below, debs)
    layers = (*ctx.layers(parts, DEBS), *ctx.layers([addition]))
    return layers, below.add(debs, addition.action.output(builtins.LAYER))


def _addition(ctx: Context, base: Image, below: Debian, debs: Sequence[Locked]) -> Part:
    """What the packages' scripts would have changed, and dpkg recorded where it is there.

    Steps on the base may have made it record more.
    """
    inputs: dict[str, Input] = {}
    if below.status is not None:
        steps = [layer.blob for layer in base.layers if not layer.parts]
        inputs |= {f"status/{n:03}": layer for n, layer in enumerate([below.status, *steps])}
    for folder, group in (("base", below.debs), ("added", debs)):
        inputs |= {f"{folder}/{n:04}": Fetched(deb) for n, deb in enumerate(sorted(group))}
    return ctx.part(
        builtins.DEBIAN_ADDITION,
        {"kept": list(below.kept), "alternatives": dict(below.alternatives)},
        inputs,
        owner="debian-state",
        mnemonic="DebianAddition",
        overrides=True,
    )
