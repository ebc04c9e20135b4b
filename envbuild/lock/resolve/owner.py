"""Which of several package indexes serves a package: the one it is pinned to, else the first that has it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from envbuild.lock.markers import holds, marker_environment
from envbuild.lock.model import Index, PythonQuestion
from envbuild.sources.index import PackageIndexes
from envbuild.spec.requirement_line import parse_pinned


def find_owner(indexes: Sequence[Index], known: PackageIndexes, project: str) -> str:
    """The index's alias, "" where none has the package; raises SourceError where one tells neither."""
    pinned = [each.alias for each in indexes if project in each.packages]
    general = [each.alias for each in indexes if not each.packages]
    return next((alias for alias in pinned or general if known.has(alias, project)), "")


def check_reachable(question: PythonQuestion, known: PackageIndexes, own: Collection[str]) -> None:
    """Ask for one package, none of `own`; raises SourceError where its index fails.

    A resolver would try an index that is away for longer, and say less about it.
    """
    environment = marker_environment(question.facts)
    for text in question.requirements:
        pinned = parse_pinned(text)
        asked = pinned.name not in own and not pinned.requirement.url
        if asked and holds(pinned.requirement.marker, environment):
            find_owner(question.indexes, known, pinned.name)
            return
