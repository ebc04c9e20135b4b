"""`envbuild verify`: build again under other conditions and compare."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from envbuild.cli.failure import WithResults
from envbuild.cli.options import common_options, jobs_option, patterns_argument
from envbuild.options import Options

if TYPE_CHECKING:
    from envbuild.build.verify import Verified


@click.command("verify")
@patterns_argument
@jobs_option
@common_options
def command(options: Options, patterns: tuple[str, ...], jobs: int | None) -> None:
    """Build again under other conditions and compare: are the images the same to the bit?

    Nothing but fetched packages is used again. What is not built yet is built first. A difference is
    an error (exit code 1) that names the first file of the first layer that differs.
    """
    from envbuild.app import open_app
    from envbuild.build.verify import NotReproducible

    with open_app(options, jobs=jobs) as app:
        found = app.verify(patterns)
        if errors := [NotReproducible(each) for each in found if each.difference]:
            raise WithResults(_show(found, options), errors)
    click.echo(_show(found, options), nl=False)


def _show(found: Sequence[Verified], options: Options) -> str:
    if options.output == "json":
        return json.dumps({"targets": [each.to_json() for each in found]}) + "\n"
    if options.quiet:
        return ""
    return "".join(f"{each.label}  {_describe(each)}\n" for each in found)


def _describe(verified: Verified) -> str:
    if verified.difference:
        return f"differs\n  digest   {verified.digest}\n  again    {verified.again}"
    return f"the same\n  digest   {verified.digest}"
