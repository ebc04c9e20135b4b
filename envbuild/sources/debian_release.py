"""A suite's release file: the signed list of its indexes (Debian repository format, "Release" files)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

_SUM: Final = compile_later(r"^ ([0-9a-f]{64}) +(\d{1,12}) (\S+)$", re.MULTILINE)
_FIELD: Final = compile_later(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$", re.MULTILINE)
_SUMS: Final = compile_later(r"^SHA256:[ \t]*\n((?: .*\n?)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """What a release file says: `names` are the suite's name and code name, `files` its indexes by path."""

    names: frozenset[str]
    components: frozenset[str]
    by_hash: bool
    valid_until: datetime | None
    files: Mapping[str, Digest]

    def index_files(self, component: str, architecture: str) -> tuple[str, Digest, Digest]:
        """The path of the best compressed `Packages` index, its digest, and that of its contents.

        Raises SourceError where the suite has none.
        """
        plain = f"{component}/binary-{architecture}/Packages"
        for suffix in (".xz", ".gz", ""):
            if plain + suffix in self.files and plain in self.files:
                return plain + suffix, self.files[plain + suffix], self.files[plain]
        known = ", ".join(f"`{each}`" for each in sorted(self.components))
        raise SourceError(
            f"the suite has no packages for {architecture} in `{component}`",
            hint=f"its components are {known}",
        )


def parse_release(text: str) -> Release:
    """Read a release file whose signature is checked already; raises SourceError."""
    fields = dict(_FIELD.findall(text))
    sums = _SUMS.search(text)
    if not sums:
        raise SourceError("a release file has no SHA256 sums")
    files = {path: Digest(digits, int(size)) for digits, size, path in _SUM.findall(sums[1])}
    return Release(
        names=frozenset(fields.get(field, "") for field in ("Suite", "Codename")),
        components=frozenset(fields.get("Components", "").split()),
        by_hash=fields.get("Acquire-By-Hash", "") == "yes",
        valid_until=_parse_date(fields.get("Valid-Until", "")),
        files=files,
    )


def _parse_date(text: str) -> datetime | None:
    if not text:
        return None
    try:
        date = parsedate_to_datetime(text)
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise SourceError(f"a release file has the malformed date `{excerpt(text)}`") from None
