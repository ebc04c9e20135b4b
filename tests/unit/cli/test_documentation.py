"""The pages' command lines are read by the real command line: commands and options exist, values fit."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence

import click
import pytest

from envbuild.cli.main import COMMANDS, group
from tests.makers.pages import PAGES, Block, find_blocks, find_spans, find_steps

BLOCKS = find_blocks("console", "sh")
# `envbuild build [--push]`: what may be left out, or chosen.
_FORM = re.compile(r"[\[|…]|\.\.\.( |$)|\b[A-Z]{4,}\b")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
# Options of others that the pages speak of.
FOREIGN = {
    "of a Dockerfile": {
        *("--chmod", "--chown", "--checksum", "--device", "--exclude", "--from", "--link", "--mount"),
        *("--network", "--parents", "--security"),
    },
    "of docker": {"--build-arg", "--filter", "--privileged", "--security-opt"},
    "of pip and uv": {
        *("--compile-bytecode", "--extra-index-url", "--generate-hashes", "--hash", "--index-url"),
        *("--report", "--require-hashes"),
    },
    "of conda": {"--explicit", "--sha256"},
    "of apt": {"--no-install-recommends"},
    "of systemd-run": {"--scope"},
    "of pre-commit": {"--all-files"},
}


def find_command(words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words behind its name."""
    command: click.Command = group
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest.pop(0))
        assert found, words
        command = found
    return command, rest


def options(command: click.Command) -> set[str]:
    """All forms of a command's options, and of those below it."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    named = {form for each in command.params for form in (*each.opts, *each.secondary_opts)}
    return named.union({"--help"}, *map(options, below))


def flags(span: str) -> set[str]:
    """The long options that a text names."""
    return set(_FLAG.findall(span.replace("--[no-]", "--")))


def ours(line: str) -> Iterator[list[str]]:
    """The arguments of each call of `envbuild` in a command line."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    call: list[str] = []
    for word in [*words, ";"]:
        if word and set(word) <= set("&|;<>()"):
            if call[:1] == ["envbuild"]:
                yield call[1:]
            call = []
        else:
            call.append(word)


def parse(words: Sequence[str]) -> None:
    command, rest = find_command(words)
    with contextlib.suppress(click.exceptions.Exit):  # what --help and --version end with
        command.make_context("envbuild", rest)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_blocks(block: Block) -> None:
    for step in find_steps(block):
        for words in ours(step.line):
            parse(words)


@pytest.mark.parametrize("page", PAGES)
def test_sentences(page: str) -> None:
    """Lines in backticks; of a form, such as `envbuild build [--push]`, command and options exist."""
    for span in find_spans(page):
        if not span.startswith("envbuild ") or span == "envbuild COMMAND --help":
            continue
        if _FORM.search(span):
            command, _ = find_command(span.split()[1:2])
            assert flags(span) <= options(command), span
            continue
        for words in ours(span):
            # What is only mentioned may go without its target.
            with contextlib.suppress(click.MissingParameter, click.exceptions.NoArgsIsHelpError):
                parse(words)


@pytest.mark.parametrize("page", PAGES)
def test_no_option_is_made_up(page: str) -> None:
    """What looks like an option is one of ours, or is known as one of somebody else's."""
    known = options_of_all().union(*FOREIGN.values())
    assert {flag for span in find_spans(page) for flag in flags(span)} <= known


def test_options_of_others_are_still_spoken_of() -> None:
    named = {flag for page in PAGES for span in find_spans(page) for flag in flags(span)}
    assert set().union(*FOREIGN.values()) <= named


def options_of_all() -> set[str]:
    return set().union(*(options(find_command([name])[0]) for name in COMMANDS), options(group))
