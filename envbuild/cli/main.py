"""The `envbuild` command: finds the subcommand, runs it, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import keyword
import re
import sys
from collections.abc import Sequence

import click

from envbuild import __version__
from envbuild.cli.failure import report
from envbuild.core.errors import ExitCode, ServiceError, UsageError

# Command -> what it does in a line, in the order users meet them. Each is the module of its name in this
# package, which is imported only when the command is called.
COMMANDS = {
    "init": "Scaffold a workspace that builds at once.",
    "lock": "Resolve specs into `<name>.lock.json`.",
    "build": "Build what changed, and publish it.",
    "push": "Publish images that are built already.",
    "run": "Run a program in an environment.",
    "verify": "Build again under other conditions, and compare.",
    "load": "Load an image into the Docker engine.",
    "export": "Write an image or a lock for other tools.",
    "import": "Write a target of what other tools describe.",
    "query": "Ask questions about the target graph.",
    "aquery": "Show the actions that targets are made by.",
    "hook": "Check or format what is about to be committed.",
    "cache": "Show, shrink or check the cache.",
    "clean": "Remove finished images, or all, from the cache.",
    "info": "Tell where things are.",
    "version": "Print the version.",
}
_OVERVIEW = """\
\b
TARGETS  //folder:name, :name, //folder (= //folder:folder), //folder/...,
         //..., -PATTERN to leave out; without any, the current folder's.
OPTIONS  stand behind the command: `envbuild COMMAND --help` tells them.

\b
EXIT CODES
  0  done                      4  a store, source, registry or network failed
  1  a build step failed       8  interrupted
  2  usage or spec error      37  a bug of envbuild
  3  a lock is stale or missing
`run` ends with its program's, 124 at its time limit, or 125 before it began.

\b
COMPLETION in bash (zsh_source and fish_source likewise):
  eval "$(_ENVBUILD_COMPLETE=bash_source envbuild)"
"""


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The commands in the order users meet them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None where there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"envbuild.cli.{name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """All commands in a line each; to tell of them, none is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UsageError(f"there is no command `{args[0]}`", hint=_suggest(args[0]))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, epilog=_OVERVIEW, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="envbuild %(version)s")
def group() -> None:
    """Build reproducible environment images: locked, computed layer by layer, content-addressed."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line; returns the exit code and shows every error in one place."""
    try:
        return int(group.main(list(arguments), prog_name="envbuild", standalone_mode=False) or 0)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _refuse(error, arguments)
    except (click.Abort, KeyboardInterrupt):
        return report(KeyboardInterrupt(), arguments)
    except OSError as error:
        return report(_in_echo(error) or error, arguments)
    except Exception as error:  # noqa: BLE001 (a bug of ours gets a report, never a bare traceback)
        return report(error, arguments)


def _in_echo(error: OSError) -> ServiceError | None:
    """What kept a result from being written, such as a full disk; None for all else, which is a bug."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    if not place or place.tb_frame.f_code is not click.echo.__code__:
        return None
    return ServiceError(f"the result cannot be written: {error.strerror}", hint="write it elsewhere")


def _suggest(command: str) -> str:
    import difflib

    near = difflib.get_close_matches(command, COMMANDS, 1)
    return f"did you mean `{near[0]}`?" if near else "run `envbuild --help` to see them all"


def _refuse(error: click.ClickException, arguments: Sequence[str]) -> int:
    """What click refused is reported; who named no command is shown those that there are."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        sys.stderr.write(f"{error.ctx.get_help()}\n")
        return ExitCode.USAGE
    return report(_in_our_words(error, arguments), arguments)


def _in_our_words(error: click.ClickException, arguments: Sequence[str]) -> UsageError:
    """What click refused, in the style of all our errors: lower case, values in backticks, a hint."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else " ".join(["envbuild", *arguments[:1]])
    text, hint = error.format_message(), f"run `{command} --help`"
    if isinstance(error, click.NoSuchOption):
        text = f"no such option '{error.option_name}'"
        if context and context.parent is None:
            hint = f"options stand behind the command, as in `envbuild build {error.option_name}`"
        elif error.possibilities:
            hint = f"did you mean `{error.possibilities[0]}`? `{command} --help` tells all"
    text = " ".join(text.split()).rstrip(".")
    message = re.sub(r"'([^' ]*)'", r"`\1`", text[:1].lower() + text[1:])
    refused = UsageError(message, hint=hint)
    refused.exit_code = getattr(context and context.command, "usage_code", refused.exit_code)
    return refused
