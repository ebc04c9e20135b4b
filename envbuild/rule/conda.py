"""Conda packages under a prefix: what to ask, and which layers the answer makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envbuild.archive.conda_activation import PREFIX as ACTIVE_PREFIX
from envbuild.archive.conda_shim import shim_path
from envbuild.core.dataclass import replace
from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Interpreter, Libc, Platform
from envbuild.lock import conda_python
from envbuild.lock.check_conda import spec_name
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.model import CondaQuestion, Json, Locked
from envbuild.oci.config import Runtime
from envbuild.rule import attr, builtins
from envbuild.rule.conda_link import run_scripts
from envbuild.rule.config import Config
from envbuild.rule.context import Context
from envbuild.rule.image import ForeignLayer, Image, Layer, Part
from envbuild.rule.layering import Plan
from envbuild.spec.conda.model import CondaSpec

PACKAGES = Plan(alone=8, threshold=3_000_000, buckets=8)
ATTRIBUTES = {
    "conda": attr.conda(doc="an environment.yml, an explicit file, a conda-lock.yml, or the same in place"),
    "channel_priority": attr.text(
        default="strict",
        choices=("strict", "flexible", "disabled"),
        doc="whether a later channel may serve what an earlier one has",
    ),
    "link_scripts": attr.text_list(doc="conda packages whose post-link scripts run, in the sandbox"),
    "conda_overrides": attr.text_list(
        doc="conda packages whose files win over those of other conda packages, the last one over all"
    ),
    "virtual_packages": attr.text_map(doc='what the target offers beside its C library: `{__cuda: "12.4"}`'),
}
# What a kernel of any machine that runs containers is at least; packages hardly ever ask for more.
_LINUX = "5.10"
_PATH = "/usr/local/bin:/usr/bin:/bin"
_VIRTUAL = compile_later(r"__[a-z0-9_]+\Z")
_OFFER = compile_later(r"[A-Za-z0-9_.!+-]+(?:=[A-Za-z0-9_.]+)?\Z")


def read_spec(ctx: Context) -> CondaSpec | None:
    """What the target asks of conda on its platform; None where it asks nothing. Raises SpecError."""
    spec: CondaSpec | None = ctx["conda"]
    if spec is None:
        return None
    try:
        return spec.on(ctx.platform)
    except SpecError as error:
        raise ctx.fail(error.message, hint=error.hint) from None


def ask_conda(ctx: Context, libc: Libc | None, python: str) -> CondaQuestion | None:
    """Which conda packages a target needs, with the Python of a version, "" = none. Raises SpecError."""
    spec = read_spec(ctx)
    if spec is None:
        return None
    specs = spec.specs
    if python and all(spec_name(text) != "python" for text in specs):
        specs = tuple(sorted((*specs, f"python={python}")))
    if specs and not (spec.channels or ctx.channels):
        raise ctx.fail(
            "its conda packages come from no channel",
            hint="add `channels: [...]`, or `- channel: {name: ..., url: ...}` to envbuild.yaml",
        )
    return CondaQuestion(
        specs=specs,
        channels=spec.channels or ctx.channels,
        priority=ctx["channel_priority"],
        virtual=_virtual_packages(ctx, libc),
        platform=ctx.platform,
        exact=spec.exact,
    )


def find_python(ctx: Context, prefix: str) -> Interpreter | None:
    """The Python that the locked conda packages bring; None before they are locked, and without one."""
    return conda_python.find_python(ctx.locked.artifacts, prefix) if ctx.locked else None


def provided_pins(ctx: Context) -> dict[str, Locked]:
    """The Python distributions among the locked conda packages, as pip knows them."""
    return conda_python.provided_pins(ctx.answer.artifacts)


def activate(ctx: Context, prefix: str) -> dict[str, str]:
    """The variables of the activated environment, as far as they are known without a shell.

    Scripts of packages win over the spec's `variables`, as conda runs them last.
    """
    spec = read_spec(ctx)
    if spec is None:
        return {}
    here = f"/{prefix}"
    found = {"CONDA_PREFIX": here, "CONDA_DEFAULT_ENV": here, "CONDA_SHLVL": "1", **spec.variables}
    for each in ctx.answer.artifacts:
        for text in each.conda.variables if each.conda else ():
            name, _, value = text.partition("=")
            found[name] = value.replace(ACTIVE_PREFIX, here)
    return found


def run_link_scripts(
    ctx: Context, prefix: str, base: Image | None, packages: Sequence[Layer]
) -> tuple[Layer, ...]:
    """The layer of what the post-link scripts change that the target allows, if any; raises SpecError."""
    chosen = [_choose_scripted(ctx, name) for name in ctx["link_scripts"]]
    if not chosen:
        return ()
    below: list[ForeignLayer | Layer] = [*base.foreign, *base.layers] if base else []
    variables = {**(base.config.variables if base else {}), **activate(ctx, prefix)}
    variables["PATH"] = f"/{prefix}/bin:{variables.get('PATH', _PATH)}"
    part = run_scripts(chosen, ctx.answer.artifacts, [*below, *packages], variables, ctx.platform, ctx.epoch)
    return ctx.layers([part])


def _choose_scripted(ctx: Context, name: str) -> Locked:
    for each in ctx.answer.artifacts:
        if each.name == name and each.conda:
            if each.conda.post_link:
                return each
            raise ctx.fail(
                f"`link_scripts` names `{name}`, which has no post-link script", hint="leave it out"
            )
    raise ctx.fail(
        f"`link_scripts` names `{name}`, and no conda package is called so",
        hint="leave it out, or lock again",
    )


def add_shim(ctx: Context, prefix: str) -> tuple[Layer, ...]:
    """The layer of the program that sources what activating does beyond setting variables, if anything."""
    packages = (each.conda for each in ctx.answer.artifacts if each.conda)
    scripts = sorted(path for record in packages for path in record.scripts)
    if not scripts:
        return ()
    part = ctx.part(
        builtins.CONDA_SHIM,
        {"prefix": prefix, "scripts": list[Json](scripts)},
        {},
        owner="conda-activated",
        mnemonic="CondaShim",
    )
    return ctx.layers([part])


def is_activated(base: Image | None) -> bool:
    """Whether a base's program starts in an activated environment."""
    return base is not None and base.config.entrypoint[:1] == (f"/{shim_path(base.prefix)}",)


def start_activated(config: Config, prefix: str, base: Image | None) -> Config:
    """The configuration whose program starts in the activated environment."""
    shim = f"/{shim_path(prefix)}"
    below = base.config if base else Runtime()
    entrypoint = below.entrypoint if config.entrypoint is None else config.entrypoint
    inherited = below.command if config.entrypoint is None else ()
    return replace(
        config,
        entrypoint=entrypoint if entrypoint[:1] == (shim,) else (shim, *entrypoint),
        command=inherited if config.command is None else config.command,
    )


def add_packages(ctx: Context, prefix: str) -> tuple[Layer, ...]:
    """The layers of the locked conda packages, and of what makes the prefix an environment for conda."""
    packages = {each.name: each for each in ctx.answer.artifacts if each.kind == CONDA}
    requested, python = _requested(read_spec(ctx)), packages.get("python")
    winners = _find_winners(ctx, packages)
    parts = {
        name: _declare(ctx, each, prefix, python, requested.get(name, ()), overrides=name in winners)
        for name, each in packages.items()
    }
    above = [parts.pop(name) for name in winners]
    below = [ctx.conda_root(prefix), *parts.values()] if packages else []
    return (*ctx.layers(below, PACKAGES), *ctx.layers(above))


def _find_winners(ctx: Context, packages: Mapping[str, Locked]) -> tuple[str, ...]:
    """The packages whose files win over those of others, the last one over all."""
    winners: tuple[str, ...] = tuple(dict.fromkeys(ctx["conda_overrides"]))
    for name in winners:
        if name not in packages:
            raise ctx.fail(
                f"`conda_overrides` names `{name}`, which is none of its conda packages",
                hint=f"take it out: `conda_overrides: [{', '.join(n for n in winners if n in packages)}]`",
            )
    return winners


def _declare(
    ctx: Context,
    package: Locked,
    prefix: str,
    python: Locked | None,
    requested: tuple[str, ...],
    *,
    overrides: bool,
) -> Part:
    assert package.conda is not None
    # Only packages for any Python are laid out for this one: the others stay when it moves.
    bound = python if package.conda.noarch == "python" else None
    return ctx.conda(
        package,
        prefix,
        python=bound.version if bound else "",
        site_packages=_site_packages(bound) if bound else "",
        requested=requested,
        overrides=overrides,
    )


def _site_packages(python: Locked) -> str:
    """Where a Python looks for packages, below the prefix (CEP 17)."""
    assert python.conda is not None
    minor = Interpreter(python.version).minor
    return python.conda.site_packages or f"lib/python{minor}/site-packages"


def _requested(spec: CondaSpec | None) -> Mapping[str, tuple[str, ...]]:
    """The specs of a target by the packages that they name."""
    found: dict[str, tuple[str, ...]] = {}
    for text in spec.specs if spec else ():
        name = spec_name(text)
        found[name] = (*found.get(name, ()), text)
    return found


def _virtual_packages(ctx: Context, libc: Libc | None) -> tuple[str, ...]:
    """What the target offers, from what is known of it and what is stated; "" takes away."""
    offers = {"__unix": "0", "__linux": _LINUX, "__archspec": f"1={_processor(ctx.platform)}"}
    if libc and libc.family == "glibc":
        offers["__glibc"] = ".".join(map(str, libc.version))
    for name, value in ctx["virtual_packages"].items():
        if not _VIRTUAL.match(name) or not (value == "" or _OFFER.match(value)):
            raise ctx.fail(
                f"`{name}: {value}` is no virtual package",
                hint='write one such as `__cuda: "12.4"` or `__archspec: "1=x86_64_v3"`',
            )
        offers[name] = value
    return tuple(
        f"{name}={value}" if "=" in value else f"{name}={value}=0"
        for name, value in sorted(offers.items())
        if value
    )


def _processor(platform: Platform) -> str:
    """The least processor of a platform, by the names of archspec."""
    return platform.machine
