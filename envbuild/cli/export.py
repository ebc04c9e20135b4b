"""`envbuild export`: an image or a lock in the form that another tool reads."""

from __future__ import annotations

import json
from pathlib import Path

import click

from envbuild.build.deliver import IMAGE_FORMATS
from envbuild.build.export import LOCK_FORMATS
from envbuild.cli.options import common_options, jobs_option
from envbuild.cli.show import show_size
from envbuild.core.errors import UsageError
from envbuild.options import Options

FORMATS = [*IMAGE_FORMATS, *LOCK_FORMATS]


@click.command("export")
@click.argument("target")
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="What to write.")
@click.option(
    "-o",
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it; locks: else stdout.",
)
@click.option(
    "--platform",
    metavar="OS/ARCH",
    help="Which of several (docker-archive, requirements and explicit hold one).",
)
@jobs_option
@common_options
def command(
    options: Options, target: str, *, form: str, path: Path | None, platform: str | None, jobs: int | None
) -> None:
    """Write an image to an archive, or the lock of its packages in another tool's form.

    An archive of a single platform serves as `oci-archive` and `docker-archive`.
    """
    from envbuild.app import open_app

    with open_app(options, jobs=jobs) as app:
        if form in LOCK_FORMATS:
            folder = path.parent if path else Path.cwd()
            _write_text(app.export_lock(target, form, folder, platform), path)
        elif path is None:
            raise UsageError(f"`--format {form}` needs a file", hint="name it with `-o FILE`")
        else:
            app.deliver(target).archive(form, path, platform)
    if path and path.is_file():
        click.echo(_show(path, path.stat().st_size, options), nl=False)


def _show(path: Path, size: int, options: Options) -> str:
    if options.output == "json":
        return json.dumps({"file": str(path), "size": size}) + "\n"
    return "" if options.quiet else f"wrote {path}, {show_size(size)}\n"


def _write_text(text: str, path: Path | None) -> None:
    from envbuild.publish.file import write_whole

    if path:
        write_whole(path, [text.encode()])
    else:
        click.echo(text, nl=False)
