"""Package indexes: a locked wheel is found again by its index's alias, project, name and digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from envbuild.core.digest import Digest
from envbuild.core.errors import SourceError
from envbuild.core.protocols import BlobWriter
from envbuild.sources.blame import blame
from envbuild.sources.default_index import default_index_url
from envbuild.sources.http import HttpClient, Page, StatusError, basic_authorization
from envbuild.sources.index_page import ACCEPT, IndexFile, find_in_page
from envbuild.sources.url import origin, redact, split_login

if TYPE_CHECKING:
    from envbuild.sources.index_listing import Listed

_MAX_PAGE = 128 << 20
# Pages are megabytes of which most repeat themselves: compressed, they are a tenth.
_PAGE_HEADERS: Final = {"Accept": ACCEPT, "Accept-Encoding": "gzip"}


class PackageIndexes:
    """The indexes of a workspace by alias. Safe for several threads.

    `urls` are those of the simple API's root; "" is this machine's configured index, which is
    looked up when it is first needed. A URL may hold credentials: they are used for its origin
    and never shown.
    """

    def __init__(self, http: HttpClient, urls: Mapping[str, str]) -> None:
        self.http = http
        self._urls = dict(urls)

    @cached_property
    def _default(self) -> str:
        return default_index_url()

    def url(self, alias: str) -> str:
        """The index's URL with its credentials and no slash at the end; raises SourceError."""
        if alias not in self._urls:
            known = ", ".join(f"`{each}`" for each in sorted(self._urls))
            raise SourceError(
                f"the workspace has no package index `{alias}`",
                hint=f"it has {known}: name the index in envbuild.yaml, or lock again",
            )
        return (self._urls[alias] or self._default).rstrip("/")

    def has(self, alias: str, project: str) -> bool:
        """Whether the index has a page for the package; raises SourceError where it tells neither."""
        url = self._page_url(alias, project)
        with blame(alias, project), self.http.get(url, {"Accept": ACCEPT}) as response:
            return response.expect(200, 404).status == 200

    def list_files(self, alias: str, project: str) -> list[Listed] | None:
        """All files of a package, None where the index has no such package; raises SourceError."""
        from envbuild.sources.index_listing import (
            list_page,
        )  # brings an HTML parser, which fetching needs not

        with blame(alias, project):
            page = self._read_page(alias, project)
            return list_page(page.body, page.headers.get("Content-Type", ""), page.url) if page else None

    def find(self, alias: str, project: str, file: str, sha256: str) -> str:
        """Where the index serves the file now; `project` is normalised; raises SourceError."""
        files = self._find_all(alias, project, file)
        if files is None:
            raise self._has_none(alias, project)
        for found in files:
            if found.sha256 in (sha256, ""):
                return found.url
        raise _missing(alias, project, file, replaced=bool(files))

    def fetch(
        self,
        alias: str,
        project: str,
        file: str,
        expected: Digest,
        writer: BlobWriter,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Digest:
        """Download a locked file into `writer`, verified; raises SourceError."""
        url = self.find(alias, project, file, expected.hash)
        headers = self.authorization(url, alias)
        with blame(alias, project):
            return self.http.download(url, writer, expected, headers=headers, progress=progress)

    def authorization(self, url: str, alias: str) -> dict[str, str]:
        """The header with the index's own credentials, for a URL of the same origin."""
        bare, login = split_login(self.url(alias))
        same = login is not None and origin(bare) == origin(url)
        return {"Authorization": basic_authorization(login)} if login and same else {}

    def _page_url(self, alias: str, project: str) -> str:
        return f"{self.url(alias)}/{quote(project)}/"

    def _find_all(self, alias: str, project: str, file: str) -> list[IndexFile] | None:
        """The files of that name, None where the index has no such project."""
        with blame(alias, project):
            page = self._read_page(alias, project)
            if page is None:
                return None
            return find_in_page(page.body, page.headers.get("Content-Type", ""), page.url, file)

    def _read_page(self, alias: str, project: str) -> Page | None:
        """A project's page, None where there is none."""
        try:
            return self.http.read(self._page_url(alias, project), _MAX_PAGE, _PAGE_HEADERS)
        except StatusError as error:
            if error.status != 404:
                raise
            return None

    def _has_none(self, alias: str, project: str) -> SourceError:
        return SourceError(
            f"the index `{alias}` ({redact(self.url(alias))}) has no package `{project}`",
            hint="check the index in envbuild.yaml, or lock again",
        )


def _missing(alias: str, project: str, file: str, *, replaced: bool) -> SourceError:
    if replaced:
        return SourceError(
            f"the index `{alias}` offers `{file}` with another sha256 than the one locked",
            hint=f"find out why it was replaced; then run `envbuild lock --upgrade-package {project}`",
        )
    return SourceError(
        f"the index `{alias}` has no file `{file}` any more",
        hint=f"run `envbuild lock --upgrade-package {project}`",
    )
