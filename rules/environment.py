"""`environment`: Python packages and files on a base, under one prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from envbuild.rule import (
    SYSTEM_PATH,
    CondaQuestion,
    Config,
    Context,
    DebianQuestion,
    Facts,
    Fetched,
    Image,
    ImageQuestion,
    Input,
    Layer,
    Locked,
    Part,
    PipIndex,
    Plan,
    PythonQuestion,
    Questions,
    Requirements,
    SourceFile,
    apt,
    attr,
    builtins,
    conda,
    dockerfile,
    ground,
    interpreter,
    is_compiled,
    rule,
    sdist_base,
)

WHEELS = Plan(alone=8, threshold=3_000_000, buckets=6)
# Bytecode is in few layers: it changes with its wheel, and with the interpreter all of it does.
BYTECODE = Plan(alone=5, threshold=3_000_000, buckets=3)


def _question(
    ctx: Context,
) -> PythonQuestion | DebianQuestion | ImageQuestion | CondaQuestion | Questions | None:
    interpreter.check_interpreter(ctx)
    if ctx["link_scripts"] and not ctx["conda"]:
        raise ctx.fail(
            "`link_scripts` without `conda`", hint="state it where the conda packages are asked for"
        )
    if ctx["sdist_base"] and not ctx["sdists"]:
        raise ctx.fail("`sdist_base` without `sdists`", hint="name what may be built there: `sdists: [...]`")
    parts = [*_ask_packages(ctx), _ask_below(ctx)]
    asked = tuple(part for part in parts if part)
    return Questions(asked) if len(asked) > 1 else asked[0] if asked else None


def _ask_below(ctx: Context) -> DebianQuestion | ImageQuestion | None:
    """What is asked for the sake of what the packages stand on."""
    return dockerfile.ask_base(ctx) if ctx["dockerfile"] else apt.ask_packages(ctx, ground.find_base(ctx))


def _ask_packages(ctx: Context) -> tuple[PythonQuestion | CondaQuestion, ...]:
    """What is asked of conda, and then of package indexes."""
    if interpreter.is_user_managed(ctx):
        return ()
    if ctx["conda"]:
        return _ask_conda(ctx)
    return (_ask_python(ctx),) if ctx["dockerfile"] or _has_python(ctx) else ()


def _ask_conda(ctx: Context) -> tuple[PythonQuestion | CondaQuestion, ...]:
    base = ground.find_base(ctx)
    if base and base.prefix:
        raise ctx.fail(
            f"its base `{ground.call_base(ctx)}` has an environment at `/{base.prefix}` already",
            hint="ask for the conda packages there: `pip` and `wheels` may be added here",
        )
    facts = ground.find_facts(ctx)
    question = conda.ask_conda(ctx, facts.libc, "" if facts.python else ctx["python"])
    assert question is not None
    pip = _pip(ctx)
    return (question, _ask_python(ctx)) if pip.requirements or pip.wheels else (question,)


def _has_python(ctx: Context) -> bool:
    """Whether there is a Python, or should be one: a base that has none may get Debian packages alone."""
    base, asked = ctx.dependency("base"), ctx["pip"]
    if ctx["conda"]:
        return True
    stated = ctx["python"] or asked.requirements or asked.wheels or ctx["wheels"]
    return bool(stated) or base is None or base.facts.python is not None or not ctx["apt"]


def _ask_python(ctx: Context) -> PythonQuestion:
    base, facts = ground.find_base(ctx), ground.find_facts(ctx)
    asked = _pip(ctx)
    ground.find_prefix(ctx, base)
    sdist_base.check_fit(ctx, facts)
    sdist_base.check_given(ctx, asked)
    return PythonQuestion(
        requirements=asked.requirements,
        constraints=asked.constraints,
        wheels=asked.wheels,
        facts=facts,
        indexes=ctx.indexes,
        pins=dict(base.pins) if base else {},
        sdists=sdist_base.read_names(ctx),
    )


def _pip(ctx: Context) -> Requirements:
    """All that is asked of pip: by the target itself, and by the `pip` section of its conda environment."""
    stated: list[Requirements] = [ctx["pip"], Requirements(wheels=ctx["wheels"])]
    if spec := conda.read_spec(ctx):
        stated.append(spec.pip)
        _refuse_unknown_indexes(ctx, spec.indexes)
    return Requirements(
        requirements=tuple(dict.fromkeys(line for each in stated for line in each.requirements)),
        constraints=tuple(dict.fromkeys(line for each in stated for line in each.constraints)),
        wheels=tuple(dict.fromkeys(wheel for each in stated for wheel in each.wheels)),
    )


def _refuse_unknown_indexes(ctx: Context, named: Iterable[PipIndex]) -> None:
    known = {index.url.rstrip("/") for index in ctx.indexes}
    for index in named:
        if index.url not in known:
            raise ctx.fail(
                f"{index.location}: no index of the workspace has the URL `{index.url}`",
                hint=f"name it in envbuild.yaml: `- index: {{name: ..., url: {index.url}}}`",
            )


@rule(
    question=_question,
    attributes={
        "base": attr.label(keywords=("scratch",), doc="what it stands on; `scratch`: nothing"),
        **dockerfile.ATTRIBUTES,
        "python": attr.text(doc="the Python version; the base's unless stated"),
        "libc": attr.text(doc="`glibc 2.36` or `musl 1.2`; the base's unless stated"),
        "pip": attr.requirements(doc="requirement files, a pyproject.toml, or requirements"),
        "wheels": attr.wheels(doc="wheel files of the workspace"),
        **sdist_base.ATTRIBUTES,
        **conda.ATTRIBUTES,
        **apt.ATTRIBUTES,
        "files": attr.files(doc="files, folders and globs, each with its place in the image"),
        "compile": attr.boolean(doc="add the bytecode of modules, made by the base's interpreter"),
        "prefix": attr.text(doc="where everything Python lies; the base's, else `/opt/env`"),
        "variables": attr.text_map(doc="environment variables"),
        "workdir": attr.text(default=None, doc="the working folder"),
        "user": attr.text(default=None, doc="`name`, `uid` or `uid:gid`"),
        "entrypoint": attr.text_list(default=None, doc="the program and its first arguments"),
        "command": attr.text_list(default=None, doc="further arguments, which `run` may replace"),
        "labels": attr.text_map(doc="labels of the image"),
    },
)
def environment(ctx: Context) -> Image:
    """A virtual environment's layout over the base's interpreter, a layer per package or group."""
    base = dockerfile.build_base(ctx) if ctx["dockerfile"] else ctx.dependency("base")
    packages, debian = apt.add_packages(ctx, base)
    files = ctx.layers([ctx.files(ctx["files"], owner="files", base=base)]) if ctx["files"] else ()
    if interpreter.is_user_managed(ctx):
        checks = dockerfile.check_program(ctx, base, ctx["interpreter"].path)
        config = _user_config(ctx, base)
        return ctx.image((*packages, *files), config, base=base, debian=debian, checks=checks)
    if not _has_python(ctx):
        return ctx.image((*packages, *files), _config(ctx), base=base, debian=debian)
    facts, prefix = ground.find_facts(ctx), ground.find_prefix(ctx, base)
    wheels = {each.name: each for each in ctx.answer.artifacts if each.is_python}
    conda_packages = conda.add_packages(ctx, prefix)
    tools = (*packages, *conda_packages)
    sources = {name: _source(ctx, each, facts, base, tools) for name, each in wheels.items()}
    parts = [ctx.wheel(wheel, sources[name], facts, prefix) for name, wheel in wheels.items()]
    bytecode = _bytecode(ctx, parts, facts, base) if ctx["compile"] else ()
    _refuse_hidden_modules(ctx, facts, prefix, base)
    # Conda's own Python is there already, with what a virtual environment would have of it.
    own = facts.python is None or conda.find_python(ctx, prefix) is not None
    venv = () if own or (base and base.prefix) else (_venv(ctx, facts, prefix),)
    shim = conda.add_shim(ctx, prefix)
    linked = conda.run_link_scripts(ctx, prefix, base, (*packages, *conda_packages, *shim))
    below = (*packages, *venv, *conda_packages, *shim, *linked)
    above = (*ctx.layers(parts, WHEELS), *bytecode, *files)
    config = _config(ctx, {"PATH": _path(prefix, base), **conda.activate(ctx, prefix)})
    return ctx.image(
        (*below, *above),
        conda.start_activated(config, prefix, base) if shim or conda.is_activated(base) else config,
        base=base,
        facts=facts,
        prefix=prefix,
        pins={**(base.pins if base else {}), **conda.provided_pins(ctx), **wheels},
        debian=debian,
        checks=(
            # Its own Python is what it is, whatever the base has.
            *dockerfile.check_facts(ctx, base, replace(facts, python=None) if own else facts),
            *sdist_base.check_libraries(ctx, base, sources, (*below, *above)),
        ),
    )


def _venv(ctx: Context, facts: Facts, prefix: str) -> Layer:
    python = facts.python
    assert python is not None
    parameters = {"prefix": prefix, "version": python.version, "interpreter": python.path}
    part = ctx.part(builtins.VENV_LAYER, parameters, {}, owner="venv", mnemonic="VenvLayer")
    return ctx.layers([part])[0]


def _bytecode(ctx: Context, wheels: list[Part], facts: Facts, base: Image | None) -> tuple[Layer, ...]:
    """The bytecode of wheels, and of the interpreter's library where no base of environments has it."""
    if base is None:
        raise ctx.fail("on `scratch` there is no interpreter to compile with", hint="leave `compile` out")
    if ctx["conda"]:
        raise ctx.fail("conda packages are not compiled", hint="leave `compile` out")
    library = () if is_compiled(base) else ctx.layers([ctx.library_bytecode(facts, base)])
    return (*library, *ctx.layers([ctx.bytecode(wheel, facts, base) for wheel in wheels], BYTECODE))


def _refuse_hidden_modules(ctx: Context, facts: Facts, prefix: str, base: Image | None) -> None:
    """Bytecode is not compared with its module: a file in the place of one would not be what runs."""
    if not ctx["compile"] and not (base and is_compiled(base)):
        return
    assert facts.python is not None
    folder = f"/{prefix}/lib/python{facts.python.minor}/site-packages/"
    for entry in ctx["files"]:
        if entry.destination.startswith(folder) and entry.destination.endswith(".py"):
            raise ctx.fail(
                f"`files` puts `{entry.destination}` among modules that are compiled",
                hint="put it elsewhere and name that place in `PYTHONPATH`, or leave `compile` out",
            )


def _source(
    ctx: Context, artifact: Locked, facts: Facts, base: Image | None, tools: Sequence[Layer]
) -> Input:
    """Where a wheel's bytes come from: the workspace's own file, the lock's source, or a build of one."""
    file = _file(ctx, artifact)
    if artifact.kind != "sdist":
        return file
    workshop = sdist_base.open_workshop(ctx, artifact.name, facts, base, tools)
    return ctx.built_wheel(artifact, file, facts, workshop)


def _file(ctx: Context, artifact: Locked) -> Input:
    for wheel in _pip(ctx).wheels:
        if not artifact.source and wheel.sha256 == artifact.sha256:
            return SourceFile(Fetched(artifact).digest, executable=False, path=wheel.path)
    return Fetched(artifact)


def _config(ctx: Context, variables: Mapping[str, str] | None = None) -> Config:
    return Config(
        variables={**(variables or {}), **ctx["variables"]},
        workdir=ctx["workdir"],
        user=ctx["user"],
        entrypoint=ctx["entrypoint"],
        command=ctx["command"],
        labels=ctx["labels"],
    )


def _user_config(ctx: Context, base: Image | None) -> Config:
    """As stated; where nothing says what to start, it is the interpreter."""
    config = _config(ctx)
    inherited = base is not None and (base.config.entrypoint or base.config.command)
    if inherited or config.entrypoint is not None or config.command is not None:
        return config
    return replace(config, command=(ctx["interpreter"].path,))


def _path(prefix: str, base: Image | None) -> str:
    """The base's search path, with the prefix's programs first unless it has them."""
    inherited = base.config.variables.get("PATH", SYSTEM_PATH) if base else SYSTEM_PATH
    programs = f"/{prefix}/bin"
    return inherited if programs in inherited.split(":") else f"{programs}:{inherited}"
