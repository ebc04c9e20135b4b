"""Sdists that requirements name by URL or path: resolvers see a wheel that holds the metadata of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envbuild.core.dataclass import dataclass, field
from envbuild.lock.markers import holds, marker_environment
from envbuild.lock.model import PythonQuestion
from envbuild.lock.resolve.answer import Descriptions, read_local
from envbuild.lock.resolve.candidates import Candidate, WheelFile
from envbuild.lock.resolve.stand_in import write_stand_in
from envbuild.sources.wheel_metadata import WheelMetadata
from envbuild.spec.requirement_line import Pinned, parse_pinned
from envbuild.spec.wheels import LocalWheel, parse_sdist_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class GivenSdists:
    """Those at URLs by the names of their packages, and where the stand-ins of all lie."""

    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    places: Mapping[str, Path] = field(default_factory=dict)

    def restate(self, texts: Iterable[str]) -> Iterator[tuple[Requirement, str]]:
        """Requirements of the spec to be changed at will, each with the name of its sdist, "" for none.

        That one's URL is not in it any more.
        """
        for text in texts:
            pinned = parse_pinned(text)
            requirement = copy(pinned.requirement)  # equal ones are shared
            name = pinned.name if pinned.sdist and pinned.name in self.candidates else ""
            requirement.url = None if name else requirement.url
            yield requirement, name


def read_given_sdists(
    folder: Path, question: PythonQuestion, wheels: Mapping[str, LocalWheel], describe: Descriptions
) -> GivenSdists:
    """Those that the question allows, and those among the workspace's own, with stand-ins in `folder`.

    Raises ResolveError for one whose sha256 nobody states, and SourceError.
    """
    found = {candidate.name: candidate for candidate in _find(question)}
    stated = {name: read_local(wheel) for name, wheel in wheels.items() if wheel.is_sdist}
    for name, candidate in found.items():
        assert candidate.sdist is not None
        stated[name] = describe.sdist(candidate, candidate.sdist)
    places = {name: _write(folder, name, metadata) for name, metadata in stated.items()}
    return GivenSdists(found, places)


def _write(folder: Path, name: str, metadata: WheelMetadata) -> Path:
    return write_stand_in(folder, name, metadata.values("Version")[0], metadata.text + "\n")


def _find(question: PythonQuestion) -> Iterator[Candidate]:
    environment = marker_environment(question.facts)
    for text in question.requirements:
        pinned = parse_pinned(text)
        asked = pinned.name in question.sdists and pinned.sdist
        if asked and holds(pinned.requirement.marker, environment):
            yield _read_url(pinned)


def _read_url(pinned: Pinned) -> Candidate:
    url, _, fragment = pinned.sdist.partition("#")
    file = unquote(urlsplit(url).path.rpartition("/")[2])
    stated = {fragment.removeprefix("sha256="), *pinned.hashes} - {""}
    sha256 = stated.pop() if len(stated) == 1 else ""
    return Candidate(pinned.name, parse_sdist_name(file)[1], "", (), WheelFile(file, url, sha256))
