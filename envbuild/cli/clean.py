"""`envbuild clean`: forget what was built."""

from __future__ import annotations

import shutil

import click

from envbuild.cli.options import common_options
from envbuild.cli.quick import memo_folder
from envbuild.options import Options


@click.command("clean")
@click.option(
    "--all", "everything", is_flag=True, help="Also what was fetched and every result of an action."
)
@common_options
def command(options: Options, *, everything: bool) -> None:
    """Remove finished images from the cache; what they were made from stays, unless `--all` is given."""
    from envbuild.store.disk import DiskStore
    from envbuild.store.lease import exclusive_lease

    store = DiskStore(options.cache_dir)
    with exclusive_lease(store.root):
        shutil.rmtree(memo_folder(str(options.cache_dir)), ignore_errors=True)
        folders = ["images", *(("blobs", "actions", "tmp") if everything else ())]
        for folder in folders:
            shutil.rmtree(options.cache_dir / folder, ignore_errors=True)
    if not options.quiet:
        click.echo(f"removed {', '.join(folders)} from {options.cache_dir}")
