"""What was measured, beside its target, as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SECONDS: Final = "s"
MEGABYTES: Final = "MB"


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure of ours, which is to be `at_most` this often a peer's; without a peer, this much itself.

    `at_most` 0 sets no target: the line is there to be read.
    """

    work: str
    ours: float
    at_most: float = 0.0
    peer: str = ""
    theirs: float = 0.0
    unit: str = SECONDS

    @property
    def judged(self) -> float:
        """What the target is about."""
        return self.ours / self.theirs if self.peer else self.ours

    @property
    def met(self) -> bool:
        """Whether it is as fast, or as small, as it should be."""
        return not self.at_most or self.judged <= self.at_most


def write_table(findings: Iterable[Finding]) -> str:
    """A Markdown table."""
    titles = ("work", "envbuild", "compared with", "theirs", "ratio", "target", "met")
    rows = [titles, ("---",) * len(titles), *map(_row, findings)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(each: Finding) -> tuple[str, ...]:
    ratio = f"{each.judged:.2f}" if each.peer else ""
    theirs = _amount(each.theirs, each.unit) if each.peer else ""
    met = ("yes" if each.met else "**no**") if each.at_most else ""
    return (each.work, _amount(each.ours, each.unit), each.peer, theirs, ratio, _target(each), met)


def _target(each: Finding) -> str:
    if not each.at_most:
        return ""
    return f"{each.at_most:.2g} x" if each.peer else _amount(each.at_most, each.unit)


def _amount(value: float, unit: str) -> str:
    if unit == SECONDS and value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} {unit}" if unit == SECONDS else f"{value:.0f} {unit}"
