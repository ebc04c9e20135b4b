"""`envbuild run`: a program in an environment's image."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envbuild import __version__
from envbuild.cli.options import common_options, jobs_option
from envbuild.cli.quick import memo_folder
from envbuild.core.errors import ExitCode, UsageError
from envbuild.graph import memo
from envbuild.options import Options

if TYPE_CHECKING:
    from envbuild.build.program import Wanted
    from envbuild.build.run import Start
    from envbuild.execute.sandbox.sandbox import Bind


class RunCommand(click.Command):
    """A command whose own failures have an exit code of their own: all others are its program's."""

    usage_code = ExitCode.NOT_STARTED


@click.command("run", cls=RunCommand)
@click.argument("target")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGV...]")
@click.option("--entrypoint", metavar="PROGRAM", help='In place of the image\'s; "" for none.')
@click.option(
    "-e",
    "--env",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable; without value, yours.",
)
@click.option(
    "--mount", "mounts", multiple=True, metavar="SOURCE:PLACE[:ro]", help="A folder or file of this machine."
)
@click.option("--workdir", default="", metavar="DIR", help="The working folder.")
@click.option("--user", default="", metavar="USER", help="Who runs it: `name`, `uid` or `uid:gid`.")
@click.option("--bare", is_flag=True, help="Do not mount the current folder.")
@click.option("--network/--no-network", default=True, help="Whether it has this machine's network.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="End it after this time."
)
@click.option(
    "--engine",
    type=click.Choice(["sandbox", "docker"]),
    default="sandbox",
    envvar="ENVBUILD_ENGINE",
    help="Where it runs; the sandbox by default.",
)
@click.option(
    "--platform", default="", metavar="OS/ARCH", help="Which of several platforms; this machine's by default."
)
@jobs_option
@common_options
def command(
    options: Options,
    target: str,
    *,
    argv: tuple[str, ...],
    jobs: int | None,
    engine: str,
    platform: str,
    **stated: Any,
) -> int:
    """Run a program in an environment, which is built or pulled first where that is needed.

    ARGV replaces the image's command. Nothing that the program changes stays, but in the current folder,
    which is mounted, and in other mounts.
    """
    from envbuild.build.program import Wanted
    from envbuild.build.run import as_not_started
    from envbuild.store.lease import shared_lease

    with as_not_started(), shared_lease(options.cache_dir):
        wanted = Wanted(
            argv=argv,
            entrypoint=stated["entrypoint"],
            variables=_read_variables(stated["variables"], os.environ),
            workdir=_require_absolute(stated["workdir"]),
            user=stated["user"],
            binds=tuple(map(_read_mount, stated["mounts"])),
            here=None if stated["bare"] else Path.cwd(),
            network=stated["network"],
            seconds=stated["timeout"] or 0,
        )
        return _prepare(options, jobs, target, wanted, platform, engine)()


def _prepare(
    options: Options, jobs: int | None, target: str, wanted: Wanted, platform: str, engine: str
) -> Start:
    """What runs the program: without a look at the workspace, where it is known what it would tell."""
    from envbuild.build.choice import Choices
    from envbuild.build.run import prepare_again

    asked = ["run", target, platform, str(options.workspace), options.registry]
    question = memo.question_key(__version__, asked, os.environ)
    choices = Choices(memo_folder(str(options.cache_dir)), question)
    choice = None if options.events or options.profile else choices.recall()
    start = choice and prepare_again(choice, options.cache_dir, wanted, engine)
    if start:
        return start
    from envbuild.app import open_app

    with open_app(options, jobs=jobs) as app:
        return app.prepare_run(target, wanted, platform, engine, choices)


def _read_variables(stated: Sequence[str], ours: Mapping[str, str]) -> dict[str, str]:
    """Those asked for by name have our value, and are left out where we have none, as in Docker.

    A program on a terminal is told which kind it is.
    """
    found = {"TERM": ours["TERM"]} if sys.stdin.isatty() and sys.stdout.isatty() and "TERM" in ours else {}
    for text in stated:
        name, given, value = text.partition("=")
        if not name:
            raise UsageError(
                f"`--env {text}` names no variable", hint="write `NAME=VALUE`, or `NAME` for yours"
            )
        if given:
            found[name] = value
        elif name in ours:
            found[name] = ours[name]
    return found


def _read_mount(text: str) -> Bind:
    from envbuild.execute.sandbox.sandbox import Bind

    rest, readonly = text.removesuffix(":ro"), text.endswith(":ro")
    source, _, place = rest.removesuffix(":rw").rpartition(":")
    if not source or not place.startswith("/"):
        raise UsageError(f"`--mount {text}` is no mount", hint="write `SOURCE:/PLACE` or `SOURCE:/PLACE:ro`")
    path = Path(source).absolute()
    if not path.exists():
        raise UsageError(f"there is no `{source}` to mount at `{place}`", hint="make it, or correct its path")
    return Bind(path, place, readonly=readonly)


def _require_absolute(workdir: str) -> str:
    if workdir and not workdir.startswith("/"):
        raise UsageError(
            f"the working folder `{workdir}` is no absolute path", hint=f"write `--workdir /{workdir}`"
        )
    return workdir
