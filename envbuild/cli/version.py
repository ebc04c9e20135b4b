"""`envbuild version`: which version this is."""

from __future__ import annotations

import json

import click

from envbuild import __version__


@click.command("version")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
def command(output: str) -> None:
    """Print the version."""
    click.echo(json.dumps({"version": __version__}) if output == "json" else f"envbuild {__version__}")
