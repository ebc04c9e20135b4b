"""What apt's files say of where packages come from, in both of their styles (sources.list(5))."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.pattern import compile_later

# Options stand before the URL alone: that of a disc has brackets and blanks of its own. What has no other
# reading is not tried again (`++`): a line may have megabytes, and memory is needed for each such place.
_LINE: Final = compile_later(
    r"deb[ \t]+(?:\[([^\]]*)\][ \t]*)?((?:\[[^\]]*\]|[^\s\[]++)++)[ \t]+(\S+)(?:[ \t]+(\S.*))?\Z"
)
_PARAGRAPHS: Final = compile_later(r"\n(?:[ \t]*\n)+")
# Debian's and Ubuntu's own, as debian-archive-keyring and ubuntu-keyring call them.
_ARCHIVE_KEYS: Final = compile_later(r"/(?:[^/]+/)*(?:debian|ubuntu)-archive-[^/]*\Z")
_COMPONENTS: Final = frozenset(
    ("main", "contrib", "non-free", "non-free-firmware", "restricted", "universe", "multiverse")
)
_PERSONAL: Final = "://ppa.launchpad"  # archives of Ubuntu's users, in its suites and areas


@dataclass(frozen=True, slots=True)
class AptEntry:
    """An entry for binary packages that is enabled.

    `signed_by` is as written: paths, fingerprints or armored keys; `architectures` are the only ones
    that it is for, () = all.
    """

    urls: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str
    architectures: tuple[str, ...] = ()

    @property
    def is_archive(self) -> bool:
        """Whether neither keys nor areas nor URLs say that it is not the distribution's archive."""
        keys = self.signed_by.split()
        return (
            all(map(_ARCHIVE_KEYS.match, keys))
            and bool(self.components)
            and _COMPONENTS.issuperset(self.components)
            and not any(_PERSONAL in url for url in self.urls)
        )


def read_entries(name: str, text: str) -> Iterator[AptEntry]:
    """The entries of a file by its name: `*.sources` has stanzas, all others have lines."""
    return _read_stanzas(text) if name.endswith(".sources") else _read_lines(text)


def _read_lines(text: str) -> Iterator[AptEntry]:
    """The one-line style: `deb [option=value ...] URL suite component...`."""
    for line in text.splitlines():
        if match := _LINE.match(line.partition("#")[0].strip()):
            options, url, suite, components = (part or "" for part in match.groups())
            stated = {key: value.replace(",", " ") for key, _, value in _split_options(options)}
            yield AptEntry(
                (url,),
                (suite,),
                tuple(components.split()),
                stated.get("signed-by", ""),
                tuple(stated.get("arch", "").split()),
            )


def _split_options(options: str) -> Iterator[tuple[str, str, str]]:
    return (word.partition("=") for word in options.split())


def _read_stanzas(text: str) -> Iterator[AptEntry]:
    """The deb822 style; comments begin in the first column."""
    from debian_inspector.debcon import get_paragraph_data

    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for paragraph in _PARAGRAPHS.split(uncommented.strip()):
        fields: dict[str, str] = get_paragraph_data(paragraph)
        enabled = fields.get("enabled", "yes").lower() not in (
            "no",
            "false",
            "without",
            "off",
            "disable",
            "0",
        )
        if enabled and "deb" in fields.get("types", "").split():
            urls, suites, components, architectures = (
                tuple(fields.get(name, "").split())
                for name in ("uris", "suites", "components", "architectures")
            )
            yield AptEntry(urls, suites, components, fields.get("signed-by", ""), architectures)
