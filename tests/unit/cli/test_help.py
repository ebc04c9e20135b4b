"""What `--help` tells: all of it fits a terminal, and the documentation has every option."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from envbuild.cli.main import COMMANDS, group
from envbuild.core.errors import ExitCode

TOP = Path(__file__).parents[3]
DOCUMENTATION = "\n".join(page.read_text() for page in sorted(TOP.glob("docs/*.md")))


def commands(command: click.Command, *name: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A command and all below it, by their names."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            yield from commands(found, *name, each)


ALL = [pytest.param(name, command, id=" ".join(name) or "all") for name, command in commands(group)]


def show(*name: str) -> str:
    """What a command tells in a terminal of 80 columns."""
    return CliRunner().invoke(group, [*name, "--help"], prog_name="envbuild", terminal_width=80).output


def test_the_overview() -> None:
    text = show()
    for name, line in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", text, re.MULTILINE)
    codes = text.partition("EXIT CODES\n")[2].partition("\n\n")[0]
    assert set(map(int, re.findall(r"\b\d+\b", codes))) == set(map(int, ExitCode))


@pytest.mark.parametrize(("name", "command"), ALL)
def test_help_fits_a_terminal(name: tuple[str, ...], command: click.Command) -> None:
    text = show(*name)
    assert text.startswith(f"Usage: {' '.join(('envbuild', *name))} ")
    assert max(map(len, text.splitlines())) <= 80
    # Nothing is cut.
    assert "..." not in text.partition("\nCommands:\n")[2].partition("\n\n")[0]


@pytest.mark.parametrize(("name", "command"), ALL)
def test_every_option_is_explained(name: tuple[str, ...], command: click.Command) -> None:
    """Here, and by its long name in the documentation."""
    known = DOCUMENTATION.replace("--[no-]", "--")
    for option in command.params:
        if not isinstance(option, click.Option) or option.hidden:
            continue
        assert option.help, option.name
        for form in option.opts:
            assert not form.startswith("--") or re.search(rf"{form}(?![a-z-])", known), form
        for variable in [option.envvar] if isinstance(option.envvar, str) else []:
            assert variable in DOCUMENTATION


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_completion(shell: str) -> None:
    assert f"_ENVBUILD_COMPLETE={shell}_complete" in complete(f"{shell}_source")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("envbuild ver", ["verify", "version"]),
        ("envbuild build --push --step-", ["--step-timeout", "--step-memory", "--step-processes"]),
        ("envbuild lock --resolver p", ["pip-tools"]),
        ("envbuild hook f", ["format"]),
    ],
)
def test_completion(words: str, found: list[str]) -> None:
    place = str(len(words.split()) - 1)
    lines = complete("bash_complete", COMP_WORDS=words, COMP_CWORD=place).splitlines()
    assert [line.removeprefix("plain,") for line in lines] == found


def complete(asked: str, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "_ENVBUILD_COMPLETE": asked, **variables}
    program = Path(sys.executable).with_name("envbuild")
    return subprocess.run([program], env=environment, capture_output=True, text=True, check=True).stdout
