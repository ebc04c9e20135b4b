"""`envbuild build`: build what changed and publish it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from envbuild.cli.failure import WithResults
from envbuild.cli.options import common_options, jobs_option, patterns_argument, platform_option, step_options
from envbuild.core.label import Label
from envbuild.options import Options, StepOptions

if TYPE_CHECKING:
    from envbuild.app import App
    from envbuild.build.build import Built


@click.command("build")
@patterns_argument
@click.option("--push", is_flag=True, help="Publish to the registry, too.")
@platform_option
@jobs_option
@click.option(
    "--keep-going/--no-keep-going",
    default=None,
    envvar="ENVBUILD_KEEP_GOING",
    help="After a failure, still build what does not depend on it; as the workspace says by default.",
)
@step_options
@click.option("--no-memo", is_flag=True, help="Look at every input again, even if nothing seems changed.")
@click.option(
    "--reverse", is_flag=True, hidden=True, help="Start ready actions in reverse order: for `verify`."
)
@common_options
def command(  # noqa: PLR0913 (click hands over one by one)
    options: Options,
    patterns: tuple[str, ...],
    *,
    push: bool,
    platforms: tuple[str, ...],
    jobs: int | None,
    keep_going: bool | None,
    steps: StepOptions,
    no_memo: bool,
    reverse: bool,
) -> None:
    """Build what changed and publish it as `envs/env_<hash>`.

    PATTERNS name targets: `//folder:name`, `:name`, `//folder/...`, `//...`, `-PATTERN` to leave out;
    without one, the targets of this folder. Nothing is resolved here: a stale or missing lock is an
    error (exit code 3).
    """
    from envbuild.app import open_app
    from envbuild.cli.show import show_report

    begun = time.time_ns()
    with open_app(options, jobs=jobs, reverse=reverse, steps=steps) as app:
        built = app.build(patterns, platforms=platforms, push=push, keep_going=keep_going)
        report, text = built.report, show_report(built.report, options)
        if not (no_memo or report.failures):
            remember(app, built, begun, keep_going=app.keeps_going(stated=keep_going), push=push)
        if report.failures:
            raise WithResults(text, report.failures)
    click.echo(text, nl=False)


def remember(app: App, built: Built, begun: int, *, keep_going: bool, push: bool) -> None:
    """Keep what the command prints the next time that nothing has changed, and its graph."""
    from envbuild.cli.remembering import describe_asked, find_answers

    answers = find_answers(app.options.cache_dir)
    if answers is None:
        return
    asked = describe_asked(app, keep_going=keep_going, push=push)
    answers.keep_text(built, asked, app.signatures, app.execution.images, begun)
    # What a rule of the workspace's own makes of a file's digest is its own to know.
    if not app.project.calls_own_rules([Label.parse(goal.label) for goal in built.goals]):
        answers.keep_graph(built, asked, app.signatures, begun)
