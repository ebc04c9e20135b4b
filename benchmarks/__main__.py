"""`python -m benchmarks [ROW ...]` measures side by side with peers, and prints a table."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.findings import Finding, write_table
from benchmarks.machine import describe_machine
from benchmarks.rows import (
    bytecode,
    change,
    conda_layers,
    conda_lock,
    debian,
    dockerfile,
    fetch,
    layers,
    locks,
    memory,
    noop,
    pull,
    push,
    resolve,
    run,
    step,
)
from benchmarks.workshop import Workshop, open_workshop

ROWS: Mapping[str, Callable[[Workshop], list[Finding]]] = {
    "layers": layers.measure,
    "noop": noop.measure,
    "change": change.measure,
    "push": push.measure,
    "pull": pull.measure,
    "bytecode": bytecode.measure,
    "memory": memory.measure,
    "fetch": fetch.measure,
    "resolve": resolve.measure,
    "conda_lock": conda_lock.measure,
    "debian": debian.measure,
    "dockerfile": dockerfile.measure,
    "conda_layers": conda_layers.measure,
    "locks": locks.measure,
    "step": step.measure,
    "run": run.measure,
}


def main() -> None:
    """Measure the rows asked for; a row's lines are shown when they are there, the whole at the end."""
    asked = _parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else the servers that were started stay
    machine = describe_machine()
    findings: list[Finding] = []
    with open_workshop(asked.folder, asked.rounds) as workshop:
        for row in asked.rows or ROWS:
            print(f"measuring {row} ...", file=sys.stderr, flush=True)
            found = ROWS[row](workshop)
            print(write_table(found), file=sys.stderr, flush=True)
            findings += found
    text = f"{machine}- medians of {asked.rounds} rounds in which all took turns\n\n{write_table(findings)}"
    if asked.output:
        asked.output.write_text(text)
    else:
        print(text, end="")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="what to measure; everything by default")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--output", type=Path, help="write the table to this file, as Markdown")
    parser.add_argument(
        "--folder", type=Path, default=Path(".bench"), help="where packages are kept between runs"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
