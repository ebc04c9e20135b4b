"""`envbuild export`: an image or a lock in the form that another tool reads."""

from __future__ import annotations

from pathlib import Path

import click

from envbuild.cli.options import common_options
from envbuild.cli.show import show_size
from envbuild.options import Options

FORMATS = ["oci-archive", "docker-archive"]


@click.command("export")
@click.argument("target")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="The archive's format.")
@click.option(
    "-o", "--file", "path", type=click.Path(path_type=Path), required=True, help="Where to write it."
)
@click.option("--platform", help="Which of several platforms (docker-archive holds one).")
@common_options
def command(options: Options, target: str, *, form: str, path: Path, platform: str | None) -> None:
    """Write an image to an archive. One of a single platform serves as `oci-archive` and `docker-archive`."""
    from envbuild.app import open_app

    with open_app(options) as app:
        app.export(target, form, path, platform)
    if not options.quiet:
        click.echo(f"wrote {path}, {show_size(path.stat().st_size)}")
