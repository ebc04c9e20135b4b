"""Sdists that requirements name by their URLs: resolvers see a wheel that holds the metadata of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from envbuild.core.dataclass import dataclass, field
from envbuild.lock.markers import holds, marker_environment
from envbuild.lock.model import PythonQuestion
from envbuild.lock.resolve.answer import Descriptions
from envbuild.lock.resolve.candidates import Candidate, WheelFile
from envbuild.lock.resolve.stand_in import write_stand_in
from envbuild.spec.requirement_line import Pinned, parse_pinned
from envbuild.spec.wheels import parse_sdist_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class GivenSdists:
    """The sdists by the names of their packages, and where their stand-ins lie."""

    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    places: Mapping[str, Path] = field(default_factory=dict)

    def restate(self, texts: Iterable[str]) -> Iterator[tuple[Requirement, str]]:
        """Requirements of the spec to be changed at will, each with the name of its sdist, "" for none.

        That one's URL is not in it any more.
        """
        for text in texts:
            pinned = parse_pinned(text)
            requirement = copy(pinned.requirement)  # equal ones are shared
            name = pinned.name if pinned.sdist and pinned.name in self.places else ""
            requirement.url = None if name else requirement.url
            yield requirement, name


def read_given_sdists(folder: Path, question: PythonQuestion, describe: Descriptions) -> GivenSdists:
    """Those that the question allows, read, with their stand-ins in `folder`.

    Raises ResolveError for one whose sha256 nobody states, and SourceError.
    """
    found = {candidate.name: candidate for candidate in _find(question)}
    places = {}
    for name, candidate in found.items():
        assert candidate.sdist is not None
        metadata = describe.sdist(candidate, candidate.sdist).text + "\n"
        places[name] = write_stand_in(folder, name, candidate.version, metadata)
    return GivenSdists(found, places)


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
