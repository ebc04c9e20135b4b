"""Relations between packages: `libc6 (>= 2.34), awk | mawk` (Debian policy 7.1)."""

from __future__ import annotations

import re
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.sources.debian_version import satisfies

# The qualifier (`:any`, `:amd64`) says which architectures will do; an index is of one architecture.
_RELATION: Final = compile_later(
    r"\s*([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s()]+)\s*\))?\s*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A package, and the versions of it that will do: any where `operator` is ""."""

    name: str
    operator: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.operator} {self.version})" if self.operator else self.name

    def allows(self, version: str) -> bool:
        """Whether this version will do; "" is that of an unversioned `Provides`, which fits no bound."""
        return not self.operator or (version != "" and satisfies(version, self.operator, self.version))


Alternatives = tuple[Relation, ...]


def parse_relations(field: str) -> tuple[Alternatives, ...]:
    """All that must hold, each with its alternatives in order of preference; raises SourceError."""
    return tuple(
        tuple(_parse_relation(part) for part in group.split("|"))
        for group in field.split(",")
        if group.strip()
    )


def parse_list(field: str) -> tuple[Relation, ...]:
    """The relations of a field that knows no alternatives; raises SourceError."""
    return tuple(relation for group in parse_relations(field) for relation in group)


def _parse_relation(text: str) -> Relation:
    match = _RELATION.match(text)
    if not match:
        raise SourceError(f"an index holds the malformed relation `{excerpt(text.strip())}`")
    return Relation(match[1], match[2] or "", match[3] or "")
