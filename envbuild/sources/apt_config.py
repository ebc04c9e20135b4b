"""The machine's apt configuration: which mirrors carry a suite (sources.list(5))."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from envbuild.archive.apt_entries import AptEntry, read_entries
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.sources.debian_signature import Keyring

APT: Final = Path("/etc/apt")
ARCHIVE_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror's URL without slash at its end, and the keys that sign there."""

    url: str
    keyrings: tuple[Keyring, ...]


def apt_mirrors(suite: str, component: str, apt: Path = APT) -> tuple[Mirror, ...]:
    """The mirrors of the entries that carry this suite and component; raises SourceError.

    In order, but those of vendors last: some call a suite of their own packages as the distribution's.
    """
    found = [e for e in _read_entries(apt) if suite in e.suites and component in e.components]
    return _mirrors(sorted(found, key=lambda entry: not entry.is_archive), apt)


def all_apt_mirrors(apt: Path = APT) -> tuple[Mirror, ...]:
    """The mirrors of every entry, in order; raises SourceError."""
    return _mirrors(_read_entries(apt), apt)


def apt_suites(apt: Path = APT) -> tuple[str, ...]:
    """The suites of all entries, sorted; raises SourceError."""
    return tuple(sorted({suite for entry in _read_entries(apt) for suite in entry.suites}))


def _mirrors(entries: Iterable[AptEntry], apt: Path) -> tuple[Mirror, ...]:
    found = {
        url.rstrip("/"): _keyrings(entry.signed_by, apt)
        for entry in entries
        for url in entry.urls
        if url.startswith(("http://", "https://"))
    }
    return tuple(Mirror(url, keyrings) for url, keyrings in found.items())


def _read_entries(apt: Path) -> Iterator[AptEntry]:
    parts = apt / "sources.list.d"
    for path in [apt / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]:
        try:
            text = path.read_text("utf-8", "replace")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SourceError(f"cannot read apt's `{path.name}`: {error.strerror}") from error
        yield from read_entries(path.name, text)


def _keyrings(signed_by: str, apt: Path) -> tuple[Keyring, ...]:
    if "BEGIN PGP" in signed_by:
        # A line that holds a dot stands for an empty one, and each has one blank before it.
        lines = [line.strip().removeprefix(".") for line in signed_by.splitlines()]
        return (Keyring(None, "\n".join(lines)),)
    paths = [Path(word) for word in signed_by.split() if word.startswith("/")]
    if not paths:
        trusted = apt / "trusted.gpg.d"
        paths = [ARCHIVE_KEYRING, *sorted(trusted.glob("*.gpg")), *sorted(trusted.glob("*.asc"))]
    return tuple(Keyring(path) for path in paths)
