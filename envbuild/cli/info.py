"""`envbuild info`: where things are."""

from __future__ import annotations

import json
import sys

import click

from envbuild import __version__
from envbuild.cli.options import common_options
from envbuild.options import Options
from envbuild.spec.sources import Source
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
        sources = app.project.workspace.sources
    if options.output == "json":
        click.echo(json.dumps({**facts, "sources": [source.alias for source in sources]}))
    else:
        lines = [f"{name:10} {value or 'none'}" for name, value in facts.items()]
        lines += [f"{source.kind:10} {_describe(source)}" for source in sources]
        click.echo(printable("\n".join(lines)))


def _describe(source: Source) -> str:
    return f"{source.alias}: {', '.join(source.urls) or 'what this machine is set to'}"
