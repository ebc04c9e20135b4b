"""`envbuild lock`: resolve specs into lock files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from envbuild.build.lock import Change, LockReport, Upgrade
from envbuild.cli.options import common_options, patterns_argument
from envbuild.core.errors import UsageError
from envbuild.options import Options
from envbuild.ui.text import printable


@click.command("lock")
@patterns_argument
@click.option("--check", is_flag=True, help="Only say whether the locks still fit; asks no network.")
@click.option("--upgrade", is_flag=True, help="Let all packages and images move to what is newest and fits.")
@click.option(
    "--upgrade-package", "packages", multiple=True, metavar="NAME", help="Let this package or image move."
)
@click.option("--resolver", type=click.Choice(["uv", "pip-tools"]), default="uv", help="Who solves.")
@common_options
def command(
    options: Options,
    patterns: tuple[str, ...],
    *,
    check: bool,
    upgrade: bool,
    packages: tuple[str, ...],
    resolver: str,
) -> None:
    """Resolve specs into `<name>.lock.json`; without an upgrade option, only what the spec forces moves."""
    from envbuild.app import open_app

    if check and (upgrade or packages):
        hint = "leave one of them out: `--check` writes no lock"
        raise UsageError("`--check` and an upgrade exclude each other", hint=hint)
    with open_app(options) as app:
        labels = app.project.with_dependencies(app.project.labels(patterns))
        if check:
            app.project.check_locks(labels)
            reports: Sequence[LockReport] = ()
        else:
            reports = app.locker(resolver).lock(labels, Upgrade(upgrade, frozenset(packages)))
    if options.output == "json":
        click.echo(json.dumps({"targets": [_as_json(report) for report in reports]}))
    elif not options.quiet:
        click.echo("locks are fresh" if check else printable("\n".join(_describe(reports))))


def _describe(reports: Sequence[LockReport]) -> Iterator[str]:
    for report in reports:
        yield f"{report.label}  {_outcome(report)}"
        yield from (f"  because {reason}" for reason in report.stale)
        yield from (f"  {_describe_change(change)}" for change in report.changes)
        yield from (f"  note: {note}" for note in report.notes if report.written)
        yield from (f"  note: {_describe_move(change)}" for change in report.moved)


def _outcome(report: LockReport) -> str:
    return f"locked in {report.path.name}" if report.written else "is locked already"


def _describe_change(change: Change) -> str:
    if not change.old:
        return f"+ {change.name} {change.new}"
    if not change.new:
        return f"- {change.name} {change.old}"
    return f"~ {change.name} {change.old} -> {change.new}"


def _describe_move(change: Change) -> str:
    upgrade = f"envbuild lock --upgrade-package {change.name}"
    return f"`{change.name}`: tag moved: {change.old} -> {change.new}; run `{upgrade}` to follow it"


def _as_json(report: LockReport) -> dict[str, Any]:
    return {
        "label": str(report.label),
        "written": report.written,
        "changes": [_change_as_json(change) for change in report.changes],
        "stale": list(report.stale),
        "notes": list(report.notes),
        "moved": [_change_as_json(change) for change in report.moved],
    }


def _change_as_json(change: Change) -> dict[str, str]:
    return {"name": change.name, "old": change.old, "new": change.new}
