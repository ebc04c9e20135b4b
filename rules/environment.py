"""`environment`: Python packages and files on a base, under one prefix."""

from __future__ import annotations

from envbuild.rule import (
    Config,
    Context,
    Facts,
    Fetched,
    Image,
    Input,
    Interpreter,
    Layer,
    Libc,
    Locked,
    Plan,
    PythonQuestion,
    SourceFile,
    attr,
    builtins,
    rule,
)

WHEELS = Plan(alone=8, threshold=3_000_000, buckets=6)
DEFAULT_PREFIX = "opt/env"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _facts(ctx: Context) -> Facts:
    """The target's facts: the base's, which the attributes must not contradict, or the attributes'."""
    base = ctx.dependency("base")
    stated = Libc.parse(ctx["libc"]) if ctx["libc"] else None
    if base is None:
        if not stated or not ctx["python"]:
            raise ctx.fail(
                "on `scratch`, nothing tells the target's C library and Python",
                hint='state them: `libc: glibc 2.36` and `python: "3.11"`',
            )
        return Facts(ctx.platform, stated, Interpreter(ctx["python"]))
    facts = base.facts
    if facts.python is None:
        raise ctx.fail(
            f"its base `{ctx['base']}` has no Python",
            hint="add a package such as `python3.11-minimal` to the base",
        )
    if ctx["python"] and not _same_python(ctx["python"], facts.python.version):
        raise ctx.fail(
            f"it asks for Python {ctx['python']}, but its base `{ctx['base']}` has {facts.python.version}",
            hint="change `python`, or the base",
        )
    if stated and stated != facts.libc:
        raise ctx.fail(
            f"it states `{stated}`, but its base `{ctx['base']}` has `{facts.libc}`",
            hint="leave `libc` out, or change the base",
        )
    return facts


def _same_python(asked: str, offered: str) -> bool:
    return (offered + ".").startswith(asked + ".")


def _question(ctx: Context) -> PythonQuestion:
    base = ctx.dependency("base")
    asked = ctx["pip"]
    _prefix(ctx, base)
    return PythonQuestion(
        requirements=asked.requirements,
        constraints=asked.constraints,
        wheels=(*asked.wheels, *ctx["wheels"]),
        facts=_facts(ctx),
        indexes=ctx.indexes,
        pins=dict(base.pins) if base else {},
    )


@rule(
    question=_question,
    attributes={
        "base": attr.label(required=True, keywords=("scratch",), doc="what it stands on; `scratch`: nothing"),
        "python": attr.text(doc="the Python version; the base's unless stated"),
        "libc": attr.text(doc="`glibc 2.36` or `musl 1.2`; the base's unless stated"),
        "pip": attr.requirements(doc="requirement files, a pyproject.toml, or requirements"),
        "wheels": attr.wheels(doc="wheel files of the workspace"),
        "files": attr.files(doc="files, folders and globs, each with its place in the image"),
        "prefix": attr.text(doc="where everything Python lies; the base's, else `/opt/env`"),
        "variables": attr.text_map(doc="environment variables"),
        "workdir": attr.text(doc="the working folder"),
        "user": attr.text(doc="`name`, `uid` or `uid:gid`"),
        "entrypoint": attr.text_list(doc="the program and its first arguments"),
        "command": attr.text_list(doc="further arguments, which `run` may replace"),
        "labels": attr.text_map(doc="labels of the image"),
    },
)
def environment(ctx: Context) -> Image:
    """A virtual environment's layout over the base's interpreter, a layer per package or group."""
    base, facts = ctx.dependency("base"), _facts(ctx)
    prefix = _prefix(ctx, base)
    layers: list[Layer] = [] if base and base.prefix else [_venv(ctx, facts, prefix)]
    wheels = [ctx.wheel(wheel, _source(ctx, wheel), facts, prefix) for wheel in ctx.answer.artifacts]
    layers += ctx.layers(wheels, WHEELS)
    if ctx["files"]:
        layers += ctx.layers([ctx.files(ctx["files"], owner="files", merged_usr=base is not None)])
    pins = {**(base.pins if base else {}), **{wheel.name: wheel for wheel in ctx.answer.artifacts}}
    return ctx.image(layers, _config(ctx, prefix), base=base, facts=facts, prefix=prefix, pins=pins)


def _prefix(ctx: Context, base: Image | None) -> str:
    """Where everything Python lies; refuses another place than the base's."""
    inherited = base.prefix if base else ""
    prefix: str = ctx["prefix"].strip("/") or inherited or DEFAULT_PREFIX
    if inherited and inherited != prefix:
        raise ctx.fail(
            f"its prefix `/{prefix}` is not its base's `/{inherited}`",
            hint="leave `prefix` out: an environment on an environment shares one",
        )
    return prefix


def _venv(ctx: Context, facts: Facts, prefix: str) -> Layer:
    python = facts.python
    assert python is not None
    parameters = {"prefix": prefix, "version": python.version, "interpreter": python.path}
    part = ctx.part(builtins.VENV_LAYER, parameters, {}, owner="venv", mnemonic="VenvLayer")
    return ctx.layers([part])[0]


def _source(ctx: Context, artifact: Locked) -> Input:
    """Where a wheel's bytes come from: the workspace's own file, or the lock's source."""
    for wheel in (*ctx["pip"].wheels, *ctx["wheels"]):
        if not artifact.source and wheel.sha256 == artifact.sha256:
            return SourceFile(Fetched(artifact).digest, executable=False, path=wheel.path)
    return Fetched(artifact)


def _config(ctx: Context, prefix: str) -> Config:
    return Config(
        variables={"PATH": f"/{prefix}/bin:{SYSTEM_PATH}", **ctx["variables"]},
        workdir=ctx["workdir"],
        user=ctx["user"],
        entrypoint=tuple(ctx["entrypoint"]),
        command=tuple(ctx["command"]),
        labels=ctx["labels"],
    )
