"""Results as text or JSON."""

from __future__ import annotations

import json

from envbuild.build.report import ActionCounts, PushReport, Report, Status, TargetReport
from envbuild.options import Options

_WORDS = {
    Status.BUILT: "built",
    Status.CACHED: "from the cache",
    Status.EXISTS: "up to date",
    Status.FAILED: "failed",
}


def show_report(report: Report, options: Options) -> str:
    """A build's report in the form the user asked for."""
    if options.output == "json":
        return json.dumps(report.to_json()) + "\n"
    if options.quiet:
        return ""
    shown = "".join(_show_target(target) for target in report.targets)
    return shown + (f"done in {report.seconds:.1f} s\n" if report.seconds else "")


def show_size(count: int) -> str:
    """Bytes for people, in decimal units."""
    if count < 1000:
        return f"{count} B"
    amount, unit = count / 1000, "kB"
    for larger in ("MB", "GB"):
        if round(amount, 1) < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}"


def _show_target(target: TargetReport) -> str:
    if target.status is Status.FAILED:
        return f"{target.label}  failed\n"
    lines = [
        f"{target.label}  {_WORDS[target.status]}",
        f"  image    {target.image}",
        f"  digest   {target.digest}",
    ]
    lines += [f"  layers   {_show_layers(target)}"] if target.platforms else []
    lines += [f"  actions  {_show_actions(target.actions)}"] if target.actions != ActionCounts() else []
    lines += [f"  pushed   {_show_push(target.pushed)}"] if target.pushed else []
    return "\n".join(lines) + "\n"


def _show_layers(target: TargetReport) -> str:
    per_platform = [len(each.layers) for each in target.platforms]
    if len(per_platform) == 1:
        return f"{per_platform[0]}, {show_size(target.size)}"
    names = " and ".join(each.platform for each in target.platforms)
    return f"{' + '.join(map(str, per_platform))} for {names}, {show_size(target.size)} in all"


def _show_actions(counts: ActionCounts) -> str:
    named = {"executed": counts.executed, "cached": counts.local, "cached remotely": counts.remote}
    return ", ".join(f"{count} {name}" for name, count in named.items() if count)


def _show_push(pushed: PushReport) -> str:
    if not pushed.blobs and not pushed.mounted:
        return f"nothing to {pushed.registry}: it is there"
    return f"{show_size(pushed.bytes)} in {pushed.blobs} blobs to {pushed.registry}, {pushed.mounted} mounted"
