"""`envbuild push`: publish what is built."""

from __future__ import annotations

import click

from envbuild.cli.options import common_options, patterns_argument, platform_option
from envbuild.options import Options


@click.command("push")
@patterns_argument
@platform_option
@common_options
def command(options: Options, patterns: tuple[str, ...], *, platforms: tuple[str, ...]) -> None:
    """Publish images that are in the store to the registry, as `envs/env_<hash>`; builds nothing."""
    from envbuild.app import open_app
    from envbuild.cli.show import show_report

    with open_app(options) as app:
        report = app.push(patterns, platforms=platforms)
    click.echo(show_report(report, options), nl=False)
