"""`envbuild hook`: what pre-commit calls with the files of a commit."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envbuild.cli.options import common_options
from envbuild.core.errors import EnvbuildError, LockError, SpecError, raise_all
from envbuild.core.label import Label
from envbuild.options import Options
from envbuild.ui.text import printable

if TYPE_CHECKING:
    from envbuild.graph.project import Project

files_argument = click.argument("files", nargs=-1, type=click.Path(path_type=Path))


@click.group("hook")
def command() -> None:
    """Check or format what is about to be committed."""


@command.command("lock-check", short_help="Check the locks that a change concerns.")
@files_argument
@common_options
def check_locks(options: Options, *, files: tuple[Path, ...]) -> None:
    """Check the locks of all targets that a change of FILES concerns; without FILES, of all targets.

    Offline and without a solver. FILES of several workspaces are checked in each; others are ignored.
    """
    checked: list[Label] = []
    failures: list[EnvbuildError] = []
    with _garbage_kept():
        for root, changed in _by_workspace(options, files).items():
            try:
                checked += _check(root, changed)
            except EnvbuildError as error:
                failures.append(error)
    raise_all(failures)
    if options.output == "json":
        click.echo(json.dumps({"targets": [str(label) for label in checked]}))
    elif not options.quiet:
        click.echo(f"checked {len(checked)} {'lock' if len(checked) == 1 else 'locks'}: fresh")


@command.command("format", short_help="Bring build files into their one form.")
@files_argument
@common_options
def format_files(options: Options, *, files: tuple[Path, ...]) -> None:
    """Bring build and workspace FILES into their one form; without FILES, all of the workspace.

    A file that cannot be parsed is left as it is, and is an error once the others are done.
    """
    formatted: list[Path] = []
    failures: list[EnvbuildError] = []
    for path in files or _spec_files(options):
        try:
            formatted += [path] if _format(path) else []
        except EnvbuildError as error:
            failures.append(error)
    if options.output == "json" and not failures:
        click.echo(json.dumps({"formatted": [str(path) for path in formatted]}))
    elif options.output == "text" and not options.quiet:
        click.echo(printable("".join(f"formatted {path}\n" for path in formatted)), nl=False)
    raise_all(failures)


@contextmanager
def _garbage_kept() -> Iterator[None]:
    """Collect no cycles meanwhile: locks are many small things, all of them in use."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _by_workspace(options: Options, files: Iterable[Path]) -> Mapping[Path, list[Path]]:
    """The files by the root of the workspace that each lies in: pre-commit knows no workspaces.

    Without files, the one workspace that the command works in, and none of its files.
    """
    from envbuild.spec.recorder import Unrecorded
    from envbuild.spec.workspace import enclosing_workspace, find_workspace

    if options.workspace or not files:
        return {find_workspace(options.workspace or Path.cwd(), Unrecorded()): list(files)}
    found: dict[Path, list[Path]] = {}
    for file in files:
        if root := enclosing_workspace(file.parent.resolve(), Unrecorded()):
            found.setdefault(root, []).append(file)
    return found


def _check(root: Path, changed: list[Path]) -> tuple[Label, ...]:
    project = _open(root)
    touched = project.touched(changed) if changed else project.labels(["//..."])
    labels = project.with_dependencies(touched)
    try:
        project.check_locks(labels)
    except LockError as error:
        if Path.cwd().is_relative_to(root):
            raise
        raise LockError(error.message, hint=f"in `{_shown(root)}`, {error.hint}") from None
    return tuple(sorted(labels))


def _open(root: Path) -> Project:
    from envbuild.graph.project import Project
    from envbuild.spec.recorder import Unrecorded

    return Project(root, root, Unrecorded())


def _shown(root: Path) -> str:
    here = Path.cwd()
    return str(root.relative_to(here) if root.is_relative_to(here) else root)


def _spec_files(options: Options) -> Iterator[Path]:
    """The workspace's own file and its build files."""
    from envbuild.spec.build_file import build_file_name
    from envbuild.spec.packages import find_packages
    from envbuild.spec.recorder import Unrecorded
    from envbuild.spec.workspace import WORKSPACE_FILE, find_workspace

    root = find_workspace(options.workspace or Path.cwd(), Unrecorded())
    shown = Path(_shown(root))
    yield shown / WORKSPACE_FILE
    yield from (shown / build_file_name(package) for package in find_packages(root, "", Unrecorded()))


def _format(path: Path) -> bool:
    """Rewrite a file that is not in its form; False where it is. What a link leads to is rewritten."""
    from envbuild.publish.file import write_whole
    from envbuild.spec.format import format_spec

    try:
        before = path.read_bytes()
    except OSError as error:
        raise SpecError(f"cannot read `{path}`: {error.strerror}", hint="check its path and mode") from error
    after = format_spec(before, str(path))
    if after != before:
        write_whole(path.resolve(), [after])
    return after != before
