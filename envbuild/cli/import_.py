"""`envbuild import`: environments that other tools describe, as targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envbuild.cli.options import common_options
from envbuild.core.errors import UsageError
from envbuild.core.label import Label
from envbuild.options import Options
from envbuild.spec.place import Place
from envbuild.spec.recorder import Unrecorded
from envbuild.ui.text import printable

if TYPE_CHECKING:
    from envbuild.graph.project import Project


@click.command("import")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--name", default="", help="The target's name; the environment's own by default.")
@click.option("--base", default="", help="What it stands on; a small Debian base is written without it.")
@click.option(
    "--prefix", type=click.Path(path_type=Path, file_okay=False), help="An environment that conda has made."
)
@click.option(
    "--without", multiple=True, metavar="NAME", help="Leave out a package that pip put into the prefix."
)
@common_options
def command(
    options: Options,
    files: tuple[Path, ...],
    *,
    name: str,
    base: str,
    prefix: Path | None,
    without: tuple[str, ...],
) -> None:
    """Write a target of the environment that FILES or a conda prefix describe into BUILD.yaml.

    FILES are an environment.yml, requirements, a conda-lock.yml, a pylock.toml, an explicit file, or
    MLflow's MLproject, conda.yaml or python_env.yaml; several make one environment.
    """
    from envbuild.build.imports.prefix import read_prefix
    from envbuild.build.imports.read import read_drafts
    from envbuild.build.imports.write import write_import

    if bool(files) == (prefix is not None):
        raise UsageError("name files, or an environment by `--prefix`", hint="run `envbuild import --help`")
    if without and prefix is None:
        raise UsageError("`--without` is for `--prefix`", hint="leave it out")
    project = _find_project(options)
    place = Place(project.workspace.root, project.package, Unrecorded())
    if base:
        project.targets.declared(Label.parse(base, package=project.package))
    draft = read_drafts(files, place) if prefix is None else read_prefix(prefix.absolute(), without)
    imported = write_import(draft, place, name, base)
    if options.output == "json":
        result = {"targets": list(map(str, imported.targets)), "files": list(imported.files)}
        click.echo(json.dumps({**result, "notes": list(imported.notes)}))
    elif not options.quiet:
        for note in imported.notes:
            click.echo(printable(f"note: {note}"), err=True)
        target = imported.targets[-1]
        click.echo(f"wrote {target} to {imported.files[-1]}: next, run `envbuild lock {target}`")


def _find_project(options: Options) -> Project:
    """The workspace as seen from the current folder."""
    from envbuild.graph.project import Project

    here = Path.cwd()
    return Project(options.workspace or here, here, Unrecorded())
