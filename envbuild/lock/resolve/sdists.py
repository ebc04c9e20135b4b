"""Sdists for resolvers that never see one: each is offered as a wheel that holds its metadata only.

A resolver that is allowed sdists runs their code while it resolves, on this machine. So the index's page
of a package that may be built from source is replaced: for each version that has no wheel for the target,
it names a stand-in, which is made of what the sdist states once somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from envbuild.core.dataclass import dataclass, field, replace
from envbuild.core.errors import EnvbuildError, ResolveError
from envbuild.lock.model import PythonQuestion
from envbuild.lock.resolve.answer import Descriptions
from envbuild.lock.resolve.candidates import Candidate, WheelFile
from envbuild.lock.resolve.stand_in import pack_stand_in
from envbuild.lock.tags import rank_wheel
from envbuild.sources.index_listing import Listed, write_page
from envbuild.sources.index_page import IndexFile
from envbuild.sources.url import origin, split_login

_SUFFIX = ".tar.gz"  # PEP 625


@dataclass(frozen=True, slots=True)
class Sdists:
    """The pages of a question's sdists, for `open_switch`. Safe for several threads.

    `faults` are those of indexes, which make every answer worthless; `unreadable` those of single sdists,
    which matter where a resolver fails for them.
    """

    question: PythonQuestion
    describe: Descriptions
    faults: list[EnvbuildError] = field(default_factory=list)
    unreadable: list[EnvbuildError] = field(default_factory=list)
    # What is on the pages by index and file name: a wheel, or the sdist behind a stand-in.
    _offered: dict[tuple[str, str], Candidate] = field(default_factory=dict)

    def give(self, alias: str, project: str, file: str) -> bytes | str | None:
        """The page of a package that may be built from source, a stand-in, or where a wheel is."""
        if project not in self.question.sdists:
            return None
        try:
            return self._find(alias, file) if file else self._page(alias, project)
        except EnvbuildError as error:
            (self.unreadable if file else self.faults).append(error)
            return b""

    def raise_faults(self, *, failed: bool) -> None:
        """Raise what went wrong with an index, and where the resolver `failed`, with an sdist."""
        for error in (*self.faults, *(self.unreadable if failed else ())):
            raise error

    def restore(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """The candidates with sdists in the place of their stand-ins, and wheels where they are."""
        for each in candidates:
            if each.name not in self.question.sdists or not each.source:
                yield each
                continue
            found = [self._offered[each.source, file.name] for file in each.files]
            sdist = next((offered.sdist for offered in found if offered.sdist), None)
            files = () if sdist else tuple(file for offered in found for file in offered.files)
            yield replace(each, files=files, sdist=sdist)

    def _page(self, alias: str, project: str) -> bytes:
        listed = self.describe.indexes.list_files(alias, project)
        if listed is None:
            return b""
        wheels = [each for each in listed if each.file.name.endswith(".whl")]
        fitting = self._fitting_versions(wheels)
        sdists = [(version, each) for version, each in _sdists(project, listed) if version not in fitting]
        if not (wheels or sdists):
            self.unreadable.append(_no_file(project))
        return write_page(
            [
                *(self._offer_wheel(alias, project, each) for each in wheels),
                *(self._offer_sdist(alias, project, version, each) for version, each in sdists),
            ]
        )

    def _fitting_versions(self, wheels: Iterable[Listed]) -> set[str]:
        names = (each.file.name for each in wheels)
        return {_wheel_version(name) for name in names if rank_wheel(name, self.question.facts) is not None}

    def _offer_wheel(self, alias: str, project: str, listed: Listed) -> Listed:
        """A wheel at an address of ours: the login of its own must be in no file of a program's."""
        file = listed.file
        found = WheelFile(file.name, split_login(file.url)[0], file.sha256)
        self._offered[alias, file.name] = Candidate(project, "", alias, (found,))
        return replace(listed, file=replace(file, url=quote(file.name)))

    def _offer_sdist(self, alias: str, project: str, version: str, listed: Listed) -> Listed:
        file = listed.file
        stand_in = f"{project.replace('-', '_')}-{version}-0sdist-py3-none-any.whl"
        found = WheelFile(file.name, split_login(file.url)[0], file.sha256)
        self._offered[alias, stand_in] = Candidate(project, version, alias, (), found)
        return replace(listed, file=IndexFile(stand_in, quote(stand_in), ""))

    def _find(self, alias: str, file: str) -> bytes | str:
        """A stand-in, or the address of a wheel."""
        offered = self._offered.get((alias, unquote(file)))
        if offered is None:
            return b""
        if offered.sdist is None:
            return self._with_login(alias, offered.files[0].url)
        metadata = self.describe.sdist(offered, offered.sdist)
        return pack_stand_in(offered.name, offered.version, metadata.text + "\n")

    def _with_login(self, alias: str, url: str) -> str:
        bare, login = split_login(self.describe.indexes.url(alias))
        if login is None or origin(bare) != origin(url):
            return url
        parts = urlsplit(url)
        user, password = (quote(word, safe="") for word in login)
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def _no_file(project: str) -> ResolveError:
    return ResolveError(
        f"`{project}` has neither wheels nor an sdist called `{project}-<version>{_SUFFIX}`",
        hint="build a wheel of it, and list it under `wheels`",
    )


def _wheel_version(file: str) -> str:
    from packaging.utils import parse_wheel_filename

    return str(parse_wheel_filename(file)[1])


def _sdists(project: str, listed: Iterable[Listed]) -> Iterator[tuple[str, Listed]]:
    """The sdists of a page with their versions; what is not called as PEP 625 asks for is left out."""
    from packaging.utils import parse_sdist_filename

    for each in listed:
        if not each.file.name.endswith(_SUFFIX):
            continue
        try:
            name, version = parse_sdist_filename(each.file.name)
        except ValueError:
            continue
        if name == project:
            yield str(version), each
