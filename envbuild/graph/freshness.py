"""Whether locks still answer what their targets ask: offline, and without a solver."""

from __future__ import annotations

from collections.abc import Sequence

from envbuild.core.errors import LockError
from envbuild.core.label import Label
from envbuild.graph.analyze import Analyzer, describe_stale
from envbuild.lock.codec import BrokenLock
from envbuild.lock.files import LockFiles


def check_locks(labels: Sequence[Label], analyzer: Analyzer, files: LockFiles) -> None:
    """Raise LockError that names every missing, broken or stale lock of `labels`, and why.

    A lock that locking again would not mend, as of a newer version, is raised as what it is.
    """
    faults = {label: _find_faults(label, analyzer, files) for label in labels if analyzer.asks(label)}
    found = [text for texts in faults.values() for text in texts]
    if found:
        listed = " ".join(sorted(str(label) for label, texts in faults.items() if texts))
        raise LockError("\n".join(found), hint=f"run `envbuild lock {listed}`")


def _find_faults(label: Label, analyzer: Analyzer, files: LockFiles) -> Sequence[str]:
    try:
        lock = files.read(label)
    except BrokenLock as error:
        return [error.message]
    try:
        questions = analyzer.questions(label, lock.platforms if lock else {})
        if lock is None:
            return [f"`{label}` has no lock"] if questions else []
        reasons = analyzer.find_stale(label, lock, questions)
    except LockError:
        if lock is None:
            return [f"`{label}` has no lock"]
        return [f"`{label}` can be checked once what it stands on is locked"]
    return [describe_stale(label, reasons)] if reasons else []
