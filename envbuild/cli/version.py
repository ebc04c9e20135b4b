"""`envbuild version`: which version this is."""

from __future__ import annotations

import json

import click

from envbuild import __version__
from envbuild.cli.quick import VERSION_LINE


@click.command("version")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def command(output: str) -> None:
    """Print the version."""
    text = json.dumps({"version": __version__}) + "\n" if output == "json" else VERSION_LINE
    click.echo(text, nl=False)
