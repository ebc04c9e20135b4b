"""`envbuild cache`: what the cache holds, making room in it, and checking it."""

from __future__ import annotations

import json
import re
import shutil
import time

import click

from envbuild.cli.options import common_options
from envbuild.cli.quick import memo_folder
from envbuild.cli.show import show_size
from envbuild.core.errors import ExitCode, UsageError
from envbuild.options import Options

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


@click.group("cache")
def command() -> None:
    """Show, shrink or check the cache."""


@command.command("info")
@common_options
def show_info(options: Options) -> None:
    """Count images, blobs, bytes and remembered actions."""
    from envbuild.app import open_store
    from envbuild.store import gc

    with open_store(options.cache_dir) as (store, actions):
        usage = gc.info(store, actions)
    if options.output == "json":
        facts = {"images": usage.images, "blobs": usage.blobs, "size": usage.size, "actions": usage.actions}
        click.echo(json.dumps({"folder": str(options.cache_dir), **facts}))
        return
    held = f"{usage.images} images, {usage.blobs} blobs, {show_size(usage.size)}"
    click.echo(f"{options.cache_dir}: {held}, {usage.actions} remembered actions")


@command.command("gc")
@click.option("--max-age", default="14d", help="Keep what was used within this time: `90m`, `12h`, `14d`.")
@click.option("--max-size", default="20G", help="Keep at most this much that no image needs: `500M`, `20G`.")
@common_options
def collect(options: Options, *, max_age: str, max_size: str) -> None:
    """Remove what no image needs and nobody used lately; never what a running build uses."""
    from envbuild.app import open_store
    from envbuild.store import gc

    limits = gc.Limits(age=parse_amount(max_age, _UNITS), size=parse_amount(max_size, _SIZES))
    with open_store(options.cache_dir) as (store, actions):
        freed = gc.gc(store, actions, limits, time.time())
    if options.output == "json":
        click.echo(json.dumps({"blobs": freed.blobs, "size": freed.size, "actions": freed.actions}))
    elif not options.quiet:
        click.echo(f"removed {freed.blobs} blobs, {show_size(freed.size)}, {freed.actions} actions")


@command.command("verify")
@common_options
def verify(options: Options) -> int:
    """Read every blob again; wrong ones are set aside, and fetched or built anew when needed."""
    from envbuild.app import open_store
    from envbuild.store import gc

    with open_store(options.cache_dir) as (store, _):
        found = gc.verify(store)
    if found.wrong:
        # What is remembered may speak of images that are not whole any more.
        shutil.rmtree(memo_folder(str(options.cache_dir)), ignore_errors=True)
    if options.output == "json":
        click.echo(json.dumps({"blobs": found.blobs, "size": found.size, "wrong": list(found.wrong)}))
    else:
        click.echo(f"read {found.blobs} blobs, {show_size(found.size)}: {len(found.wrong)} wrong")
        for name in found.wrong:
            click.echo(f"  set aside sha256:{name}")
    return ExitCode.SERVICE if found.wrong else ExitCode.OK


def parse_amount(text: str, units: dict[str, int]) -> int:
    """A whole number with a unit; raises UsageError."""
    match = re.fullmatch(r"([0-9]{1,12})([a-z]?)", text.lower())
    if not match or match[2] not in units:
        known = ", ".join(f"`{unit}`" for unit in units if unit)
        raise UsageError(f"`{text}` is no amount", hint=f"write a whole number and one of {known}")
    return int(match[1]) * units[match[2]]
