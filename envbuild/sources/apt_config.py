"""The machine's apt configuration: which mirrors carry a suite (sources.list(5))."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.sources.debian_signature import Keyring

APT: Final = Path("/etc/apt")
ARCHIVE_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_OPTIONS: Final = compile_later(r"\[([^\]]*)\]")
_PARAGRAPHS: Final = compile_later(r"\n(?:[ \t]*\n)+")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror's URL without slash at its end, and the keys that sign there."""

    url: str
    keyrings: tuple[Keyring, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the configuration; `signed_by` is as written: paths, fingerprints or armored keys."""

    urls: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str


def apt_mirrors(suite: str, component: str, apt: Path = APT) -> tuple[Mirror, ...]:
    """The mirrors of the entries that carry this suite and component, in order; raises SourceError."""
    return _mirrors(
        (entry for entry in _read_entries(apt) if suite in entry.suites and component in entry.components),
        apt,
    )


def all_apt_mirrors(apt: Path = APT) -> tuple[Mirror, ...]:
    """The mirrors of every entry, in order; raises SourceError."""
    return _mirrors(_read_entries(apt), apt)


def apt_suites(apt: Path = APT) -> tuple[str, ...]:
    """The suites of all entries, sorted; raises SourceError."""
    return tuple(sorted({suite for entry in _read_entries(apt) for suite in entry.suites}))


def _mirrors(entries: Iterable[_Entry], apt: Path) -> tuple[Mirror, ...]:
    found = {
        url.rstrip("/"): _keyrings(entry.signed_by, apt)
        for entry in entries
        for url in entry.urls
        if url.startswith(("http://", "https://"))
    }
    return tuple(Mirror(url, keyrings) for url, keyrings in found.items())


def _read_entries(apt: Path) -> Iterator[_Entry]:
    parts = apt / "sources.list.d"
    for path in [apt / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]:
        try:
            text = path.read_text("utf-8", "replace")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SourceError(f"cannot read apt's `{path.name}`: {error.strerror}") from error
        yield from _read_stanzas(text) if path.suffix == ".sources" else _read_lines(text)


def _read_lines(text: str) -> Iterator[_Entry]:
    """The one-line style: `deb [option=value ...] URL suite component...`."""
    for line in text.splitlines():
        plain = line.partition("#")[0]
        options = _OPTIONS.search(plain)
        words = _OPTIONS.sub(" ", plain, count=1).split()
        if len(words) >= 3 and words[0] == "deb":
            stated = dict(word.partition("=")[::2] for word in options[1].split()) if options else {}
            signed_by = stated.get("signed-by", "").replace(",", " ")
            yield _Entry((words[1],), (words[2],), tuple(words[3:]), signed_by)


def _read_stanzas(text: str) -> Iterator[_Entry]:
    """The deb822 style; comments begin in the first column."""
    from debian_inspector.debcon import get_paragraph_data

    uncommented = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    for paragraph in _PARAGRAPHS.split(uncommented.strip()):
        fields: dict[str, str] = get_paragraph_data(paragraph)
        enabled = fields.get("enabled", "yes").lower() not in ("no", "false", "off", "0")
        if enabled and "deb" in fields.get("types", "").split():
            urls, suites, components = (
                tuple(fields.get(name, "").split()) for name in ("uris", "suites", "components")
            )
            yield _Entry(urls, suites, components, fields.get("signed-by", ""))


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
