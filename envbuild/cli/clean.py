"""`envbuild clean`: forget what was built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from envbuild.cli.options import common_options
from envbuild.cli.quick import memo_folder
from envbuild.core.errors import StoreError
from envbuild.options import Options

_MADE = ("blobs", "quarantine", "actions", "tmp")


@click.command("clean")
@click.option(
    "--all", "everything", is_flag=True, help="Also what was fetched and every result of an action."
)
@common_options
def command(options: Options, *, everything: bool) -> None:
    """Remove finished images from the cache; what they were made from stays, unless `--all` is given."""
    from envbuild.store.disk import DiskStore
    from envbuild.store.gc import FETCHED
    from envbuild.store.lease import exclusive_lease

    store = DiskStore(options.cache_dir)
    with exclusive_lease(store.root):
        folders = [
            "images",
            *((*_MADE, *FETCHED, *_empty_sandboxes(store.root)) if everything else ()),
        ]
        for path in (Path(memo_folder(str(store.root))), *(store.root / folder for folder in folders)):
            _remove(path)
    if options.output == "json":
        click.echo(json.dumps({"folder": str(store.root), "removed": folders}))
    elif not options.quiet:
        click.echo(f"removed {', '.join(folders)} from {store.root}")


def _empty_sandboxes(cache: Path) -> tuple[str, ...]:
    """Empty the folders of sandboxes, some of which may belong to users that only a sandbox has.

    So do the cache mounts go that are volumes of an engine.
    """
    from envbuild.execute.docker.volumes import remove_volumes
    from envbuild.execute.sandbox.upkeep import FOLDERS, clear

    remove_volumes(cache, lambda _: True)
    clear(cache, "tmp")  # where a killed `verify` may have left another cache
    return FOLDERS


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"cannot remove `{folder}`: {error.strerror}", hint="check its mode") from error
