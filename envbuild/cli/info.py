"""`envbuild info`: where things are."""

from __future__ import annotations

import json
import sys

import click

from envbuild import __version__
from envbuild.cli.options import common_options
from envbuild.options import Options
from envbuild.ui.text import printable


@click.command("info")
@common_options
def command(options: Options) -> None:
    """Print the version, the workspace, the cache folder and the sources."""
    from envbuild.app import open_app

    with open_app(options) as app:
        facts = {
            "version": __version__,
            "python": sys.version.split()[0],
            "workspace": str(app.project.workspace.root),
            "cache": str(options.cache_dir),
            "registry": app.registry_name,
        }
        sources = [source.alias for source in app.project.workspace.sources]
    if options.output == "json":
        click.echo(json.dumps({**facts, "sources": sources}))
    else:
        shown = {**facts, "sources": ", ".join(sources)}
        click.echo(printable("\n".join(f"{name:10} {value or 'none'}" for name, value in shown.items())))
