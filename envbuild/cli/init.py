"""`envbuild init`: scaffold a workspace, locked, that builds at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from envbuild.build.lock import Upgrade
from envbuild.cli.options import common_options
from envbuild.core.dataclass import replace
from envbuild.core.errors import UsageError
from envbuild.options import Options

FILES = {
    "envbuild.yaml": """\
# The root of the workspace. Package sources are this machine's own unless some are named here.
required_version: ">=0.1"
""",
    "BUILD.yaml": """\
- debian_base:
    name: python
    suite: bookworm
    packages: [python3.11-minimal, libpython3.11-stdlib, libstdc++6, ca-certificates, tzdata]

- environment:
    name: app
    base: ":python"
    pip: requirements.in
    files: {main.py: /app/main.py}
    entrypoint: [python, /app/main.py]
""",
    "requirements.in": "# What the program needs; `envbuild lock` pins it in app.lock.json.\ncowsay\n",
    "main.py": 'import cowsay\n\ncowsay.cow("built by envbuild")\n',
}
LOCKS = ("python.lock.json", "app.lock.json")


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@common_options
def command(options: Options, folder: Path) -> None:
    """Scaffold a workspace in FOLDER: a base, an environment with one package, and their locks."""
    from envbuild.app import open_app

    with scaffold(folder), open_app(replace(options, workspace=folder.absolute())) as app:
        app.locker().lock(app.project.with_dependencies(app.project.labels(["//..."])), Upgrade())
    if options.output == "json":
        click.echo(json.dumps({"workspace": str(folder.absolute())}))
    elif not options.quiet:
        place = "" if folder == Path() else f"cd {folder} && "
        click.echo(f"created a workspace in {folder}: next, run `{place}envbuild build`")


@contextmanager
def scaffold(folder: Path) -> Iterator[None]:
    """Write the scaffold; where what is done inside fails, it is gone again, so that a second try may begin.

    Raises UsageError, before anything is written, where a file is there already.
    """
    paths = [folder / name for name in (*FILES, *LOCKS)]
    present = [path for path in paths if path.exists()]
    if present:
        raise UsageError(f"`{present[0]}` is there already", hint="choose another folder")
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        _write(folder)
        yield
    except BaseException:
        _remove(paths, made)
        raise


def _write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write in `{folder}`: {error.strerror}", hint="choose another folder"
        ) from error


def _remove(files: Iterable[Path], folders: Iterable[Path]) -> None:
    for file in files:
        with suppress(OSError):  # it was not written
            file.unlink()
    for folder in folders:
        with suppress(OSError):  # somebody else put something there
            folder.rmdir()
