"""`envbuild aquery`: the actions of targets, with digests, inputs and parameters."""

from __future__ import annotations

import json
from typing import Any

import click

from envbuild.cli.options import common_options, patterns_argument, platform_option
from envbuild.options import Options
from envbuild.rule.declared import DeclaredAction, Fetched, Input, Output, walk
from envbuild.ui.text import printable


@click.command("aquery")
@patterns_argument
@platform_option
@common_options
def command(options: Options, patterns: tuple[str, ...], platforms: tuple[str, ...]) -> None:
    """Show the actions of targets: definition digest, builtin, parameters, inputs and outputs."""
    from envbuild.app import open_app

    with open_app(options) as app:
        configured = app.project.configure(patterns, platforms)
        actions = list(walk(*(target.action for target in configured)))
    if options.output == "json":
        targets = [
            {"label": str(each.label), "image": app.naming.name(each.hash), "definition": each.definition}
            for each in configured
        ]
        click.echo(json.dumps({"targets": targets, "actions": [as_json(action) for action in actions]}))
    else:
        click.echo(printable("\n\n".join(describe(action) for action in actions)))


def as_json(action: DeclaredAction) -> dict[str, Any]:
    """An action as a JSON object."""
    return {
        "definition": action.definition,
        "mnemonic": action.mnemonic,
        "subject": action.subject,
        "builtin": {"name": action.builtin.name, "version": action.builtin.version},
        "impure": action.impure,
        "parameters": dict(action.parameters),
        "inputs": {path: _describe_input(item) for path, item in sorted(action.inputs.items())},
        "outputs": list(action.outputs),
    }


def describe(action: DeclaredAction) -> str:
    """An action as text."""
    lines = [
        f"{action.mnemonic} {action.subject}",
        f"  definition  {action.definition}",
        f"  builtin     {action.builtin.name} {action.builtin.version}",
        *(["  impure      it has the network"] if action.impure else []),
        *(f"  parameter   {name} = {json.dumps(value)}" for name, value in sorted(action.parameters.items())),
        *(f"  input       {path} = {_describe_input(item)}" for path, item in sorted(action.inputs.items())),
        f"  outputs     {', '.join(action.outputs)}",
    ]
    return "\n".join(lines)


def _describe_input(item: Input) -> str:
    if isinstance(item, Output):
        return f"{item.path} of {item.action.mnemonic} {item.action.subject} ({item.action.definition[:19]})"
    if isinstance(item, Fetched):
        source = f"{item.artifact.source}:" if item.artifact.source else ""
        return f"{source}{item.artifact.file} ({item.definition})"
    return item.definition
