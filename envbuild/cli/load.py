"""`envbuild load`: into the Docker engine."""

from __future__ import annotations

import json

import click

from envbuild.cli.options import common_options, jobs_option
from envbuild.options import Options


@click.command("load")
@click.argument("target")
@click.option(
    "--platform", metavar="OS/ARCH", help="Which of several platforms; the engine's own by default."
)
@jobs_option
@common_options
def command(options: Options, target: str, platform: str | None, jobs: int | None) -> None:
    """Load an image into the Docker engine; one that only the registry has is pulled first."""
    from envbuild.app import open_app

    with open_app(options, jobs=jobs) as app:
        name = app.deliver(target).load(platform)
    click.echo(json.dumps({"image": name}) if options.output == "json" else f"loaded {name}")
