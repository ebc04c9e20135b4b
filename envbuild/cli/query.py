"""`envbuild query`: questions about the target graph."""

from __future__ import annotations

import json

import click

from envbuild.cli.options import common_options
from envbuild.options import Options


@click.command("query")
@click.argument("expression", nargs=-1, required=True)
@common_options
def command(options: Options, expression: tuple[str, ...]) -> None:
    """Print the labels that EXPRESSION names, sorted.

    Patterns, `deps(x)`, `rdeps(universe, x)`, `kind(regex, x)`, `attr(name, regex, x)`, `allpaths(a, b)`,
    `somepath(a, b)`, and the set operations `+`, `-` and `^`.
    """
    from envbuild.app import open_app

    with open_app(options) as app:
        labels = [str(label) for label in app.project.query(" ".join(expression))]
    if options.output == "json":
        click.echo(json.dumps(labels))
    else:
        click.echo("".join(f"{label}\n" for label in labels), nl=False)
