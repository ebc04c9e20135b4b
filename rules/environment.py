"""`environment`: Python packages and files on a base, under one prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from envbuild.rule import (
    CondaQuestion,
    Config,
    Context,
    DebianQuestion,
    Facts,
    Fetched,
    Image,
    ImageQuestion,
    Input,
    Interpreter,
    Layer,
    Libc,
    Locked,
    Part,
    PipIndex,
    Plan,
    PythonQuestion,
    Questions,
    Requirements,
    SourceFile,
    SpecError,
    apt,
    attr,
    builtins,
    conda,
    dockerfile,
    find_changed,
    is_compiled,
    rule,
)

WHEELS = Plan(alone=8, threshold=3_000_000, buckets=6)
# Bytecode is in few layers: it changes with its wheel, and with the interpreter all of it does.
BYTECODE = Plan(alone=5, threshold=3_000_000, buckets=3)
DEFAULT_PREFIX = "opt/env"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_VERSION = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{1,3}(\.[0-9]{1,3})?\Z")
# It stands in scripts' first lines and in PATH, where blanks and colons mean something else.
_PREFIX = re.compile(r"(/(?!\.+(/|\Z))[A-Za-z0-9._+@~-]+)+\Z")


def _facts(ctx: Context) -> Facts:
    """The target's facts: the base's, which the attributes must not contradict, or the attributes'."""
    base = _known_base(ctx)
    if ctx["conda"]:
        return _conda_facts(ctx, base)
    return _facts_on(base, ctx) if base and not _is_stated(ctx) else _stated_facts(ctx)


def _conda_facts(ctx: Context, base: Image | None) -> Facts:
    """The facts with conda's Python, if it brings one, else with the base's."""
    known = base.facts if base and not _is_stated(ctx) else Facts(ctx.platform)
    libc = _agreed_libc(ctx, known.libc)
    if libc is None:
        raise ctx.fail(
            f"nothing tells the C library of `{_name(ctx)}`, and conda packages bring none",
            hint="state it: `libc: glibc 2.36`",
        )
    python = conda.find_python(ctx, _prefix(ctx, base)) or known.python
    if python and ctx["python"] and not _same_python(ctx["python"], python.version):
        raise ctx.fail(
            f"it asks for Python {ctx['python']}, but it gets {python.version}",
            hint="change `python`, the base, or what is asked of conda",
        )
    return replace(known, libc=libc, python=python)


def _known_base(ctx: Context) -> Image | None:
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


def _is_stated(ctx: Context) -> bool:
    """Whether it stands on what a Dockerfile makes of a base: what is there is stated, and checked after."""
    if not ctx["dockerfile"]:
        base = ctx.dependency("base")
        return base is not None and base.has_steps and bool(ctx["python"] and ctx["libc"])
    ground, runs = dockerfile.find_ground(ctx)
    return runs or ground is None or bool(ctx["python"] and ctx["libc"])


def _name(ctx: Context) -> str:
    return str(ctx["base"] or "Dockerfile")


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
    minor = ".".join(python.split(".")[:2])
    own = ctx["interpreter"].path if ctx["interpreter"] else f"/usr/bin/python{minor}"
    path = "" if ctx["base"] == "scratch" else own
    return Facts(ctx.platform, libc, Interpreter(python, path))


def _facts_on(base: Image, ctx: Context) -> Facts:
    facts = replace(base.facts, python=_choose_interpreter(ctx, base) or base.facts.python)
    if facts.python is None:
        raise ctx.fail(
            f"its base `{_name(ctx)}` has no Python",
            hint='state what its steps make: `libc: glibc 2.36` and `python: "3.11"`'
            if base.has_steps
            else "add a package such as `python3.11-minimal` to the base",
        )
    if ctx["python"] and not _same_python(ctx["python"], facts.python.version):
        raise ctx.fail(
            f"it asks for Python {ctx['python']}, but its base `{_name(ctx)}` has {facts.python.version}",
            hint="change `python`, or the base",
        )
    _agreed_libc(ctx, facts.libc)
    return facts


def _agreed_libc(ctx: Context, known: Libc | None) -> Libc | None:
    """The C library, as the base and the target say alike."""
    stated = _libc(ctx)
    if stated and known and stated != known:
        raise ctx.fail(
            f"it states `{stated}`, but its base `{_name(ctx)}` has `{known}`",
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


def _is_user_managed(ctx: Context) -> bool:
    """Whether the image's own interpreter is used as it is, and nothing of Python is added."""
    return ctx["interpreter"] is not None and not ctx["interpreter"].managed


def _check_interpreter(ctx: Context) -> None:
    """Refuse what cannot go with a stated interpreter, and one that the base is known not to have."""
    stated, base = ctx["interpreter"], ctx.dependency("base")
    if stated is None:
        return
    if not stated.managed:
        _refuse_additions(ctx)
    if ctx["dockerfile"] or _is_stated(ctx):
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
    if known is not None and _choose_interpreter(ctx, base) is None:
        others = [] if base.prefix else [f" or `path: {each.path}`" for each in base.facts.others]
        raise ctx.fail(
            f"its base `{ctx['base']}` has its Python at `{known.path}`, not at `{stated.path}`",
            hint=f"write `path: {known.path}`{''.join(others)}",
        )


def _choose_interpreter(ctx: Context, base: Image) -> Interpreter | None:
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


def _is_interpreter(path: str, known: Interpreter, *, managed: bool) -> bool:
    """Whether a path means the base's interpreter; unmanaged, also by the usual names beside it."""
    folder = known.path.rpartition("/")[0]
    names = ("python", "python3", f"python{known.minor}")
    return path == known.path or (not managed and path in [f"{folder}/{name}" for name in names])


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


def _question(
    ctx: Context,
) -> PythonQuestion | DebianQuestion | ImageQuestion | CondaQuestion | Questions | None:
    _check_interpreter(ctx)
    if ctx["link_scripts"] and not ctx["conda"]:
        raise ctx.fail(
            "`link_scripts` without `conda`", hint="state it where the conda packages are asked for"
        )
    parts = [*_ask_packages(ctx), _ask_below(ctx)]
    asked = tuple(part for part in parts if part)
    return Questions(asked) if len(asked) > 1 else asked[0] if asked else None


def _ask_below(ctx: Context) -> DebianQuestion | ImageQuestion | None:
    """What is asked for the sake of what the packages stand on."""
    return dockerfile.ask_base(ctx) if ctx["dockerfile"] else apt.ask_packages(ctx, _known_base(ctx))


def _ask_packages(ctx: Context) -> tuple[PythonQuestion | CondaQuestion, ...]:
    """What is asked of conda, and then of package indexes."""
    if _is_user_managed(ctx):
        return ()
    if ctx["conda"]:
        return _ask_conda(ctx)
    return (_ask_python(ctx),) if ctx["dockerfile"] or _has_python(ctx) else ()


def _ask_conda(ctx: Context) -> tuple[PythonQuestion | CondaQuestion, ...]:
    base = _known_base(ctx)
    if base and base.prefix:
        raise ctx.fail(
            f"its base `{_name(ctx)}` has an environment at `/{base.prefix}` already",
            hint="ask for the conda packages there: `pip` and `wheels` may be added here",
        )
    facts = _facts(ctx)
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
    base = _known_base(ctx)
    asked = _pip(ctx)
    _prefix(ctx, base)
    return PythonQuestion(
        requirements=asked.requirements,
        constraints=asked.constraints,
        wheels=asked.wheels,
        facts=_facts(ctx),
        indexes=ctx.indexes,
        pins=dict(base.pins) if base else {},
        sdists=_sdists(ctx),
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


def _sdists(ctx: Context) -> tuple[str, ...]:
    """The names of packages that may be built from source, normalised (PEP 503)."""
    for name in ctx["sdists"]:
        if not _NAME.match(name):
            raise ctx.fail(f"`{name}` in `sdists` is no package's name", hint="write names alone: `[x, y]`")
    return tuple(sorted({re.sub(r"[-_.]+", "-", name).lower() for name in ctx["sdists"]}))


@rule(
    question=_question,
    attributes={
        "base": attr.label(keywords=("scratch",), doc="what it stands on; `scratch`: nothing"),
        **dockerfile.ATTRIBUTES,
        "python": attr.text(doc="the Python version; the base's unless stated"),
        "libc": attr.text(doc="`glibc 2.36` or `musl 1.2`; the base's unless stated"),
        "pip": attr.requirements(doc="requirement files, a pyproject.toml, or requirements"),
        "wheels": attr.wheels(doc="wheel files of the workspace"),
        "sdists": attr.text_list(doc="packages that may be built from source where no wheel fits"),
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
    if _is_user_managed(ctx):
        checks = dockerfile.check_program(ctx, base, ctx["interpreter"].path)
        config = _user_config(ctx, base)
        return ctx.image((*packages, *files), config, base=base, debian=debian, checks=checks)
    if not _has_python(ctx):
        return ctx.image((*packages, *files), _config(ctx), base=base, debian=debian)
    facts, prefix = _facts(ctx), _prefix(ctx, base)
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
    config = _config(ctx, {"PATH": _path(prefix, base), **conda.activate(ctx, prefix)})
    return ctx.image(
        (*below, *ctx.layers(parts, WHEELS), *bytecode, *files),
        conda.start_activated(config, prefix, base) if shim or conda.is_activated(base) else config,
        base=base,
        facts=facts,
        prefix=prefix,
        pins={**(base.pins if base else {}), **conda.provided_pins(ctx), **wheels},
        debian=debian,
        # Its own Python is what it is, whatever the base has.
        checks=dockerfile.check_facts(ctx, base, replace(facts, python=None) if own else facts),
    )


def _prefix(ctx: Context, base: Image | None) -> str:
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


def _refuse_changes(ctx: Context, base: Image, prefix: str) -> None:
    """The layers name every folder above the prefix: those of the base must be as these have them."""
    real = base.root.resolve(f"{prefix}/x").removesuffix("/x")
    for folder, found in find_changed(prefix, base.root):
        raise ctx.fail(
            f"in its base `{_name(ctx)}`, `/{folder}` is {found}, which the prefix `/{prefix}` would change",
            hint=f"choose another place: `prefix: /{real if real != prefix else 'srv/env'}`",
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
    """Where a wheel's bytes come from: the workspace's own file, the lock's source, or a build."""
    if artifact.kind == "sdist":
        if base is None or not (facts.python and facts.python.path):
            raise ctx.fail(
                f"on `scratch` there is no interpreter to build `{artifact.name}` with",
                hint="name a base, or list a wheel of it under `wheels`",
            )
        return ctx.built_wheel(artifact, facts, base, tools)
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
