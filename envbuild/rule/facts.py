"""A base's facts in its lock, as values."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.platform import Facts, Interpreter, Libc, Platform


def read_facts(recorded: Mapping[str, str], platform: Platform) -> Facts:
    """The facts that a lock records: `libc`, `python`, `interpreter` and `interpreters`, each where known."""
    libc = Libc.parse(recorded["libc"]) if "libc" in recorded else None
    python = None
    if "python" in recorded:
        python = Interpreter(recorded["python"], recorded.get("interpreter", ""))
    pairs = (row.rpartition("=") for row in recorded.get("interpreters", "").split())
    others = tuple(Interpreter(version, path) for path, _, version in pairs)
    return Facts(platform, libc, python, others)
