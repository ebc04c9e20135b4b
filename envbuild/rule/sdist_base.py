"""Where a target's sdists are built: on what is below its packages, or in an image that none of it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from envbuild.core.dataclass import replace
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Facts, Interpreter
from envbuild.core.project_name import normalise
from envbuild.lock.model import Json
from envbuild.rule import attr, builtins
from envbuild.rule.bytecode import interpreter_layers
from envbuild.rule.config import SYSTEM_PATH
from envbuild.rule.context import Context
from envbuild.rule.declared import DeclaredAction, Input
from envbuild.rule.dockerfile.base import check_facts
from envbuild.rule.image import Image, Layer, list_parts
from envbuild.rule.sdist import Workshop
from envbuild.spec.requirement_line import parse_pinned
from envbuild.spec.requirements import Requirements

ATTRIBUTES = {
    "sdists": attr.text_list(doc="packages that may be built from source where no wheel fits"),
    "sdist_base": attr.label(doc="an image to build them in; what is below the packages unless stated"),
}

_NAME = compile_later(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")


def read_names(ctx: Context) -> tuple[str, ...]:
    """The names of packages that may be built from source, normalised (PEP 503)."""
    for name in ctx["sdists"]:
        if not _NAME.match(name):
            raise ctx.fail(f"`{name}` in `sdists` is no package's name", hint="write names alone: `[x, y]`")
    return tuple(sorted(set(map(normalise, ctx["sdists"]))))


def check_given(ctx: Context, asked: Requirements) -> None:
    """Refuse the URL or path of an sdist that may not be built."""
    allowed = read_names(ctx)
    urls = [pinned.name for pinned in map(parse_pinned, asked.requirements) if pinned.sdist]
    paths = [wheel.name for wheel in asked.wheels if wheel.is_sdist]
    for kind, names in (("URL", urls), ("path", paths)):
        for name in names:
            if name not in allowed:
                raise ctx.fail(
                    f"`{name}` is given by the {kind} of an sdist, which is not built unless allowed",
                    hint=f"allow it: `sdists: [{', '.join((*allowed, name))}]`, or name a wheel",
                )


def check_fit(ctx: Context, facts: Facts) -> None:
    """Refuse an image whose wheels would not run on a target of these facts, once they are known."""
    image = ctx.dependency("sdist_base")
    if image and facts.python and not ctx["conda"]:  # of which Python may be, once it is locked
        _find_python(ctx, image, facts.python)
        _check_libc(ctx, image, facts)


def open_workshop(
    ctx: Context, sdist: str, facts: Facts, base: Image | None, layers: Sequence[Layer]
) -> Workshop:
    """Where an sdist is built: without an `sdist_base`, on the base's layers below Python, and `layers`.

    Raises SpecError where there is no interpreter.
    """
    assert facts.python is not None
    if image := ctx.dependency("sdist_base"):
        _check_libc(ctx, image, facts)
        return _open_other(ctx, image, facts.python)
    if base is None or not facts.python.path:
        raise ctx.fail(
            f"on `scratch` there is no interpreter to build `{sdist}` with",
            hint="state an image that has one: `sdist_base: LABEL`, or list a wheel of it under `wheels`",
        )
    hidden = f"/{base.prefix}/bin"  # which is not in the root
    path = tuple(each for each in _path(base) if each != hidden)
    return Workshop((*interpreter_layers(base), *layers), facts.python, base.config.variables, path)


def check_libraries(
    ctx: Context, base: Image | None, wheels: Mapping[str, Input], layers: Sequence[Layer]
) -> tuple[DeclaredAction, ...]:
    """What fails where built wheels were linked to libraries that neither the base nor `layers` have.

    `wheels` are all, by the names of their packages. None where they were built on that base, and on
    `scratch`: whoever copies from there brings libraries of their own.
    """
    built = [each for each in ctx.answer.artifacts if each.kind == "sdist"]
    if not (built and base and ctx["sdist_base"]):
        return ()
    listings = [each for layer in (*base.all_layers, *layers) for each in list_parts(layer)]
    inputs = {f"layers/{n:04}": listing for n, listing in enumerate(listings)}
    inputs |= {f"wheels/{n:03}": wheels[each.name] for n, each in enumerate(built)}
    outputs = (builtins.CHECKED,)
    parameters = {"owners": list[Json](f"{each.name} {each.version}" for each in built)}
    action = DeclaredAction(
        builtins.CHECK_LIBRARIES, parameters, inputs, outputs, "CheckLibraries", str(ctx.label)
    )
    return (action,)


def _open_other(ctx: Context, image: Image, python: Interpreter) -> Workshop:
    """The image as it is, all of it."""
    found = _find_python(ctx, image, python)
    stated = replace(image.facts, python=found)
    checks = (*image.checks, *check_facts(replace(ctx, label=ctx["sdist_base"]), image, stated))
    return Workshop(image.all_layers, found, image.config.variables, _path(image), checks)


def _find_python(ctx: Context, image: Image, wanted: Interpreter) -> Interpreter:
    """The image's interpreter that is of the target's version, whatever its last part (PEP 425: one ABI)."""
    known = [each for each in (image.facts.python, *image.facts.others) if each and each.path]
    for each in known:
        if each.minor == wanted.minor:
            return each
    has = ", ".join(each.version for each in known) or "none"
    raise ctx.fail(
        f"its packages are for Python {wanted.minor}, but its `sdist_base` `{ctx['sdist_base']}` has {has}",
        hint="what steps of a Dockerfile make of Python, an `environment` on it states"
        if image.has_steps
        else f"add Python {wanted.minor} to it",
    )


def _check_libc(ctx: Context, image: Image, facts: Facts) -> None:
    """What is linked with a C library runs with a later one, and may not run with an earlier one."""
    libc = image.facts.libc
    if libc and facts.libc and facts.libc.runs(libc):
        return
    raise ctx.fail(
        f"its `sdist_base` `{ctx['sdist_base']}` has `{libc or 'no known C library'}`,"
        f" and the target `{facts.libc or 'no known one'}`, with which its wheels may not run",
        hint="build on the release that the target has, or on an earlier one",
    )


def _path(image: Image) -> tuple[str, ...]:
    return tuple(image.config.variables.get("PATH", SYSTEM_PATH).split(":"))
