"""`envbuild push`: publish what is built."""

from __future__ import annotations

import time

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
    from envbuild.cli.remembering import describe_asked, find_answers
    from envbuild.cli.show import show_report

    begun = time.time_ns()
    with open_app(options) as app:
        built = app.push(patterns, platforms=platforms)
        if answers := find_answers(options.cache_dir):
            asked = describe_asked(app, push=True)
            answers.keep_text(built, asked, app.signatures, app.execution.images, begun)
    click.echo(show_report(built.report, options), nl=False)
