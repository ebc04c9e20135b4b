"""`envbuild cache`: what the cache holds, making room in it, and checking it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import click

from envbuild.cli.options import common_options
from envbuild.cli.quick import memo_folder
from envbuild.cli.show import show_size
from envbuild.core.errors import ExitCode
from envbuild.options import Options
from envbuild.spec.amounts import parse_size, parse_span
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.settings import CacheSettings
from envbuild.spec.workspace import enclosing_workspace, find_workspace, load_workspace


@click.group("cache")
def command() -> None:
    """Show, shrink or check the cache."""


@command.command("info", short_help="Tell what is in it.")
@common_options
def show_info(options: Options) -> None:
    """Count images, blobs, bytes and remembered actions, and name the cache mounts of a Docker engine."""
    from envbuild.app import open_store
    from envbuild.execute.docker.volumes import list_volumes
    from envbuild.store import gc

    with open_store(options.cache_dir) as (store, actions):
        usage = gc.info(store, actions)
    volumes = list_volumes(options.cache_dir)
    if options.output == "json":
        facts = {"images": usage.images, "blobs": usage.blobs, "size": usage.size, "actions": usage.actions}
        mounts = [{"id": each.id, "volume": each.name, "used": each.used} for each in volumes]
        click.echo(json.dumps({"folder": str(options.cache_dir), **facts, "engine_mounts": mounts}))
        return
    held = f"{usage.images} images, {usage.blobs} blobs, {show_size(usage.size)}"
    click.echo(f"{options.cache_dir}: {held}, {usage.actions} remembered actions")
    for each in volumes:
        of = "" if each.used is not None else ", of another cache"
        click.echo(f"the Docker engine: cache mount `{ascii(each.id)[1:-1]}` ({each.name}{of})")


@command.command("gc", short_help="Remove what nobody needs.")
@click.option(
    "--max-age",
    envvar="ENVBUILD_CACHE_MAX_AGE",
    metavar="SPAN",
    help="Keep what was used within this time: `90m`, `12h`; 14 days by default.",
)
@click.option(
    "--max-size",
    envvar="ENVBUILD_CACHE_MAX_SIZE",
    metavar="SIZE",
    help="Keep at most this much that no image needs: `500M`; 20 GB by default.",
)
@common_options
def collect(options: Options, *, max_age: str | None, max_size: str | None) -> None:
    """Remove what no image needs and nobody used lately; never what a running build uses.

    What is not stated is taken from the workspace, where the command runs in one.
    """
    from envbuild.app import open_store
    from envbuild.execute.docker.volumes import remove_volumes
    from envbuild.execute.sandbox.upkeep import prune
    from envbuild.store import gc
    from envbuild.store.lease import exclusive_lease

    age = parse_span(max_age) if max_age else None
    size = parse_size(max_size) if max_size else None
    if age is None or size is None:
        settings = _read_settings(options.workspace)
        age = settings.max_age if age is None else age
        size = settings.max_size if size is None else size
    limits = gc.Limits(age, size)
    with open_store(options.cache_dir) as (store, actions):
        freed = gc.gc(store, actions, limits, time.time())
    unpacked = prune(options.cache_dir, limits, time.time())
    with exclusive_lease(options.cache_dir):
        mounts = remove_volumes(options.cache_dir, lambda used: time.time() - used > limits.age)
    if options.output == "json":
        facts = {"blobs": freed.blobs, "size": freed.size, "actions": freed.actions, "unpacked": unpacked}
        click.echo(json.dumps({**facts, "engine_mounts": mounts}))
    elif not options.quiet:
        also = f", {show_size(unpacked)} of unpacked layers" if unpacked else ""
        also += f", {mounts} cache mounts of the Docker engine" if mounts else ""
        click.echo(f"removed {freed.blobs} blobs, {show_size(freed.size)}, {freed.actions} actions{also}")


@command.command("verify", short_help="Read every blob again.")
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
            kept = (store.blobs / name).exists()  # on a disk that cannot be written
            click.echo(f"  {'cannot set aside' if kept else 'set aside'} sha256:{name}")
    return ExitCode.SERVICE if found.wrong else ExitCode.OK


def _read_settings(stated: Path | None) -> CacheSettings:
    """The workspace's settings; outside of any, what holds without one."""
    root = find_workspace(stated, Unrecorded()) if stated else enclosing_workspace(Path.cwd(), Unrecorded())
    return load_workspace(root, Unrecorded()).cache if root else CacheSettings()
