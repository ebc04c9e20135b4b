"""The `Packages` index of a suite (Debian repository format), reduced to what locks need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.sources.debian_relations import Alternatives, Relation, parse_list, parse_relations
from envbuild.sources.debian_version import version_order

_FIELDS: Final = (
    "Package",
    "Version",
    "Filename",
    "SHA256",
    "Size",
    "Priority",
    "Depends",
    "Pre-Depends",
    "Provides",
    "Conflicts",
    "Breaks",
)
_NAME: Final = compile_later(r"[a-z0-9][a-z0-9+.-]*\Z")
_SHA256: Final = compile_later(r"[0-9a-f]{64}\Z")
_SIZE: Final = compile_later(r"[0-9]{1,15}\Z")
_VERSION: Final = compile_later(r"[A-Za-z0-9.+:~-]{1,1000}\Z")
# A path that stays below the mirror's address.
_FILE: Final = compile_later(r"(?!/)(?!(?:.*/)?\.{0,2}(?:/|\Z))[!-\[\]-~]+\Z")
_NAMES: Final = compile_later(r"(?:^|,)\s*([a-z0-9][a-z0-9+.-]*)")
_BLANK: Final = ("",) * len(_FIELDS)
# A field and the lines that continue it (policy 5.1); `\n` before it is faster than `^`.
_FIELD: Final = compile_later(rf"\n({'|'.join(_FIELDS)}):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)")
_FIRST_LINE: Final = "envbuild Debian index 1"
_LAST_LINE: Final = "end"
# Debian policy 2.5, the most important first; what states none is the last.
_PRIORITIES: Final = ("required", "important", "standard", "optional", "extra")


class Row(NamedTuple):
    """The fields of a package as the index has them, "" where it has none."""

    name: str
    version: str
    file: str
    sha256: str
    size: str
    priority: str
    depends: str
    pre_depends: str
    provides: str
    conflicts: str
    breaks: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package that an index offers; relations are parsed when they are asked for."""

    row: Row

    @property
    def name(self) -> str:
        """Its name."""
        return self.row.name

    @property
    def version(self) -> str:
        """Its version."""
        return self.row.version

    @property
    def rank(self) -> int:
        """Its priority as a number, 0 for the most important."""
        priority = self.row.priority
        return _PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES)

    def depends(self) -> tuple[Alternatives, ...]:
        """What must be there for it to work; raises SourceError."""
        return parse_relations(f"{self.row.pre_depends},{self.row.depends}")

    def conflicts(self) -> tuple[Relation, ...]:
        """What must not be there beside it; raises SourceError."""
        return parse_list(f"{self.row.conflicts},{self.row.breaks}")

    def provided(self, name: str) -> str | None:
        """The version in which it provides `name`, "" for no stated one, None where it does not."""
        if name == self.name:
            return self.version
        for relation in parse_list(self.row.provides):
            if relation.name == name:
                return relation.version
        return None


class DebianIndex:
    """The packages of a suite, of one architecture and some components."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[str, list[Row]] = {}
        self._providers: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(row.name, []).append(row)
            for name in _NAMES.findall(row.provides):
                self._providers.setdefault(name, []).append(row)

    @property
    def names(self) -> Sequence[str]:
        """Every package's name."""
        return tuple(self._rows)

    def versions(self, name: str) -> tuple[Package, ...]:
        """The packages of this name, the newest first."""
        rows = sorted(self._rows.get(name, ()), key=lambda row: version_order(row.version), reverse=True)
        return tuple(map(Package, rows))

    def providers(self, name: str) -> tuple[Package, ...]:
        """Packages of other names that provide this one, by importance, then by name, the newest first."""
        rows = sorted(self._providers.get(name, ()), key=lambda row: version_order(row.version), reverse=True)
        return tuple(sorted(map(Package, rows), key=lambda package: (package.rank, package.name)))


def parse_packages(text: str) -> Iterator[Row]:
    """The packages of a `Packages` file; raises SourceError where one lacks what a lock needs."""
    found: dict[str, str] = {}
    for field, value in _FIELD.findall("\n" + text.replace("\t", " ")):
        if field == "Package" and found:
            yield _row(found)
            found = {}
        found[field] = value.replace("\n", "") if "\n" in value else value
    if found:
        yield _row(found)


def encode_rows(rows: Iterable[Row]) -> str:
    """The rows as lines of tab-separated fields, with a first and a last line that tell a whole file."""
    return "\n".join([_FIRST_LINE, *map("\t".join, rows), _LAST_LINE])


def decode_rows(text: str) -> list[Row] | None:
    """What `encode_rows` wrote, None where it is something else."""
    lines = text.split("\n")
    if lines[0] != _FIRST_LINE or lines[-1] != _LAST_LINE:
        return None
    try:
        rows = [Row._make(line.split("\t")) for line in lines[1:-1]]
    except TypeError:
        return None
    return rows if all(_SIZE.match(row.size) for row in rows) else None


def _row(found: dict[str, str]) -> Row:
    row = Row._make(map(found.get, _FIELDS, _BLANK))
    if not (_NAME.match(row.name) and row.version and row.file and _SHA256.match(row.sha256)):
        raise SourceError(f"the index describes `{excerpt(row.name)}` without version, file or sha256")
    if not (_SIZE.match(row.size) and _VERSION.match(row.version) and _FILE.match(row.file)):
        raise SourceError(f"the index describes `{row.name}` with a malformed version, file or size")
    return row
