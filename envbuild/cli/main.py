"""The `envbuild` command: finds the subcommand, runs it, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence

import click

from envbuild import __version__
from envbuild.cli.failure import report
from envbuild.core.errors import UsageError

# Command -> module of this package; each is imported only when it is called.
COMMANDS = {
    "init": "init",
    "lock": "lock",
    "build": "build",
    "push": "push",
    "run": "run",
    "verify": "verify",
    "load": "load",
    "export": "export",
    "import": "import_",
    "query": "query",
    "aquery": "aquery",
    "hook": "hook",
    "cache": "cache",
    "clean": "clean",
    "info": "info",
    "version": "version",
}


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The commands in the order users meet them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None where there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"envbuild.cli.{COMMANDS[cmd_name]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UsageError(f"there is no command `{args[0]}`", hint=_suggest(args[0]))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
        return report(_in_our_words(error), arguments)
    except (click.Abort, KeyboardInterrupt):
        return report(KeyboardInterrupt(), arguments)
    except Exception as error:  # noqa: BLE001 (a bug of ours gets a report, never a bare traceback)
        return report(error, arguments)


def _suggest(command: str) -> str:
    import difflib

    near = difflib.get_close_matches(command, COMMANDS, 1)
    return f"did you mean `{near[0]}`?" if near else "run `envbuild --help` to see them all"


def _in_our_words(error: click.ClickException) -> UsageError:
    """What click refused, in the style of all our errors: lower case, values in backticks, a hint."""
    text = " ".join(error.format_message().split()).rstrip(".")
    message = re.sub(r"'([^' ]*)'", r"`\1`", text[:1].lower() + text[1:])
    context = getattr(error, "ctx", None)
    hint = f"run `{context.command_path if context else 'envbuild'} --help`"
    if isinstance(error, click.NoSuchOption) and context and context.parent is None:
        hint = f"options stand behind the command, as in `envbuild build {error.option_name}`"
    refused = UsageError(message, hint=hint)
    refused.exit_code = getattr(context and context.command, "usage_code", refused.exit_code)
    return refused
