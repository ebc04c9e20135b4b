"""What an environment stands on: the facts of its base, and the place of everything Python on it."""

from __future__ import annotations

from envbuild.core.dataclass import replace
from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Facts, Interpreter, Libc
from envbuild.rule import conda, dockerfile
from envbuild.rule.context import Context
from envbuild.rule.image import Image
from envbuild.rule.placing import find_changed

DEFAULT_PREFIX = "opt/env"
_VERSION = compile_later(r"[1-9][0-9]{0,2}\.[0-9]{1,3}(\.[0-9]{1,3})?\Z")
# It stands in scripts' first lines and in PATH, where blanks and colons mean something else.
_PREFIX = compile_later(r"(/(?!\.+(/|\Z))[A-Za-z0-9._+@~-]+)+\Z")


def find_facts(ctx: Context) -> Facts:
    """The target's facts: the base's, which the attributes must not contradict, or the attributes'."""
    base = find_base(ctx)
    if ctx["conda"]:
        return _conda_facts(ctx, base)
    return _facts_on(base, ctx) if base and not is_stated(ctx) else _stated_facts(ctx)


def find_base(ctx: Context) -> Image | None:
    """What is known of the base before anything is locked: of a Dockerfile, the target at its bottom."""
    if (ctx["base"] is None) == (ctx["dockerfile"] is None):
        both = "both `base` and" if ctx["base"] else "neither `base` nor"
        raise ctx.fail(
            f"it has {both} `dockerfile`",
            hint="state the one that it stands on, or `base: scratch`",
        )
    if not ctx["dockerfile"]:
        return ctx.dependency("base")
    if ctx["apt"]:
        raise ctx.fail("`apt` beside `dockerfile`", hint="install the packages in the Dockerfile")
    return dockerfile.find_ground(ctx)[0]


def is_stated(ctx: Context) -> bool:
    """Whether it stands on what a Dockerfile makes of a base: what is there is stated, and checked after."""
    if not ctx["dockerfile"]:
        base = ctx.dependency("base")
        return base is not None and base.has_steps and bool(ctx["python"] and ctx["libc"])
    ground, runs = dockerfile.find_ground(ctx)
    return runs or ground is None or bool(ctx["python"] and ctx["libc"])


def call_base(ctx: Context) -> str:
    """What an error calls that which it stands on."""
    return str(ctx["base"] or "Dockerfile")


def find_prefix(ctx: Context, base: Image | None) -> str:
    """Where everything Python lies; refuses another place than the base's."""
    inherited = base.prefix if base else ""
    stated: str = ctx["prefix"]
    if stated and not _PREFIX.match(stated):
        raise ctx.fail(f"`{stated}` is no prefix", hint="write an absolute path such as `/opt/env`")
    prefix = stated[1:] or inherited or DEFAULT_PREFIX
    if inherited and inherited != prefix:
        raise ctx.fail(
            f"its prefix `/{prefix}` is not its base's `/{inherited}`",
            hint="leave `prefix` out: an environment on an environment shares one",
        )
    if base and not inherited:
        _refuse_changes(ctx, base, prefix)
    return prefix


def choose_interpreter(ctx: Context, base: Image) -> Interpreter | None:
    """The one of the base's interpreters that is asked for, None where it has none such.

    Environments on an environment have that one's.
    """
    stated, facts = ctx["interpreter"], base.facts
    if stated is None or facts.python is None:
        return facts.python
    for each in (facts.python, *(() if base.prefix else facts.others)):
        if _is_interpreter(stated.path, each, managed=stated.managed):
            return each
    return None


def _conda_facts(ctx: Context, base: Image | None) -> Facts:
    """The facts with conda's Python, if it brings one, else with the base's."""
    known = base.facts if base and not is_stated(ctx) else Facts(ctx.platform)
    libc = _agreed_libc(ctx, known.libc)
    if libc is None:
        raise ctx.fail(
            f"nothing tells the C library of `{call_base(ctx)}`, and conda packages bring none",
            hint="state it: `libc: glibc 2.36`",
        )
    python = conda.find_python(ctx, find_prefix(ctx, base)) or known.python
    if python and ctx["python"] and not _same_python(ctx["python"], python.version):
        raise ctx.fail(
            f"it asks for Python {ctx['python']}, but it gets {python.version}",
            hint="change `python`, the base, or what is asked of conda",
        )
    return replace(known, libc=libc, python=python)


def _stated_facts(ctx: Context) -> Facts:
    libc, python = _libc(ctx), ctx["python"]
    if not libc or not python:
        where = "a Dockerfile that runs steps" if ctx["dockerfile"] else "`scratch`"
        raise ctx.fail(
            f"on {where}, nothing tells the target's C library and Python",
            hint='state them: `libc: glibc 2.36` and `python: "3.11"`',
        )
    if not _VERSION.match(python):
        raise ctx.fail(f"`{python}` is no Python version", hint='write one such as `python: "3.11"`')
    known = Interpreter(python)
    own = ctx["interpreter"].path if ctx["interpreter"] else f"/usr/bin/python{known.minor}"
    path = "" if ctx["base"] == "scratch" else own
    return Facts(ctx.platform, libc, replace(known, path=path))


def _facts_on(base: Image, ctx: Context) -> Facts:
    facts = replace(base.facts, python=choose_interpreter(ctx, base) or base.facts.python)
    if facts.python is None:
        raise ctx.fail(
            f"its base `{call_base(ctx)}` has no Python",
            hint='state what its steps make: `libc: glibc 2.36` and `python: "3.11"`'
            if base.has_steps
            else "add a package such as `python3.11-minimal` to the base",
        )
    if ctx["python"] and not _same_python(ctx["python"], facts.python.version):
        raise ctx.fail(
            f"it asks for Python {ctx['python']}, but its base `{call_base(ctx)}` has {facts.python.version}",
            hint="change `python`, or the base",
        )
    _agreed_libc(ctx, facts.libc)
    return facts


def _agreed_libc(ctx: Context, known: Libc | None) -> Libc | None:
    """The C library, as the base and the target say alike."""
    stated = _libc(ctx)
    if stated and known and stated != known:
        raise ctx.fail(
            f"it states `{stated}`, but its base `{call_base(ctx)}` has `{known}`",
            hint="leave `libc` out, or change the base",
        )
    return stated or known


def _libc(ctx: Context) -> Libc | None:
    try:
        return Libc.parse(ctx["libc"]) if ctx["libc"] else None
    except SpecError as error:
        raise ctx.fail(error.message, hint=error.hint) from None


def _same_python(asked: str, offered: str) -> bool:
    return (offered + ".").startswith(asked + ".")


def _is_interpreter(path: str, known: Interpreter, *, managed: bool) -> bool:
    """Whether a path means the base's interpreter; unmanaged, also by the usual names beside it."""
    folder = known.path.rpartition("/")[0]
    names = ("python", "python3", f"python{known.minor}")
    return path == known.path or (not managed and path in [f"{folder}/{name}" for name in names])


def _refuse_changes(ctx: Context, base: Image, prefix: str) -> None:
    """The layers name every folder above the prefix: those of the base must be as these have them."""
    real = base.root.resolve(f"{prefix}/x").removesuffix("/x")
    name = call_base(ctx)
    for folder, found in find_changed(prefix, base.root):
        raise ctx.fail(
            f"in its base `{name}`, `/{folder}` is {found}, which the prefix `/{prefix}` would change",
            hint=f"choose another place: `prefix: /{real if real != prefix else 'srv/env'}`",
        )
