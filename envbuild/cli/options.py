"""Options that every command takes, in one place."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from envbuild.cli.quick import cache_folder
from envbuild.options import Options, StepOptions
from envbuild.spec.amounts import parse_size, parse_span

_COMMON = [
    click.option(
        "--workspace", type=click.Path(path_type=Path), metavar="DIR", help="The workspace's folder."
    ),
    click.option(
        "--cache-dir",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Where blobs and results are.",
    ),
    click.option(
        "--registry",
        envvar="ENVBUILD_REGISTRY",
        default="",
        metavar="REF",
        help="The registry: `host[:port][/path]`.",
    ),
    click.option(
        "--output", type=click.Choice(["text", "json"]), default="text", help="How to print results."
    ),
    click.option(
        "--events", type=click.Path(path_type=Path), metavar="FILE", help="Write events as JSON lines."
    ),
    click.option(
        "--profile",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write a Chrome trace (`.gz`: compressed).",
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="When to use colours; `auto`: on a terminal.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong."),
    click.option("-v", "--verbose", is_flag=True, help="Name every action, also the cached ones."),
]


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the common options; the command gets them as its first argument, an `Options`."""

    @functools.wraps(function)
    def wrapper(**values: Any) -> Any:
        stated = values.pop("cache_dir")
        cache = stated.absolute() if stated else Path(cache_folder([], os.environ))
        names = ("workspace", "registry", "output", "events", "profile", "color", "quiet", "verbose")
        options = Options(cache_dir=cache, **{name: values.pop(name) for name in names})
        return function(options, **values)

    for option in reversed(_COMMON):
        wrapper = option(wrapper)
    return wrapper


_STEPS = [
    click.option(
        "--executor",
        type=click.Choice(["sandbox", "docker"]),
        envvar="ENVBUILD_EXECUTOR",
        help="Where steps run; the workspace's `executor`, else the sandbox by default.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="id=NAME,src=FILE|env=VARIABLE",
        help="What steps may read and nothing keeps; may be given again.",
    ),
    click.option(
        "--step-timeout",
        envvar="ENVBUILD_STEP_TIMEOUT",
        metavar="SPAN",
        help="The most time of a step: `10m`.",
    ),
    click.option(
        "--step-memory",
        envvar="ENVBUILD_STEP_MEMORY",
        metavar="SIZE",
        help="The most memory of a step: `2GB`.",
    ),
    click.option(
        "--step-processes",
        type=click.IntRange(0),
        envvar="ENVBUILD_STEP_PROCESSES",
        metavar="N",
        help="The most processes of a step; 0, the default, is no limit.",
    ),
    click.option("--keep-failed", is_flag=True, help="Keep what a step that fails has changed."),
]


def step_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of steps; the command gets them as `steps`, a `StepOptions`."""

    @functools.wraps(function)
    def wrapper(*arguments: Any, **values: Any) -> Any:
        timeout, memory = values.pop("step_timeout"), values.pop("step_memory")
        steps = StepOptions(
            values.pop("executor"),
            parse_span(timeout) if timeout else None,
            parse_size(memory) if memory else None,
            values.pop("step_processes"),
            values.pop("secrets"),
            values.pop("keep_failed"),
        )
        return function(*arguments, steps=steps, **values)

    for option in reversed(_STEPS):
        wrapper = option(wrapper)
    return wrapper


jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1),
    envvar="ENVBUILD_JOBS",
    metavar="N",
    help="How many actions at once; the workspace's `jobs`, else the machine's cores by default.",
)
patterns_argument = click.argument("patterns", nargs=-1)
platform_option = click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="OS/ARCH",
    help="Only this platform, such as `linux/arm64`; may be given again.",
)
