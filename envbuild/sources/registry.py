"""The registry client: the parts of the OCI distribution spec that pulling and publishing need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import urlencode

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import PREFIX, Digest, parse_sha256
from envbuild.core.errors import EnvbuildError, RegistryError
from envbuild.core.text import excerpt
from envbuild.oci.descriptor import INDEX, MANIFEST, Descriptor
from envbuild.oci.document import MAX_SIZE
from envbuild.sources.authorization import Authorizer, Credentials, Scope
from envbuild.sources.http import Body, HttpClient, Page, WrongBytes
from envbuild.sources.registry_address import Address
from envbuild.sources.registry_errors import DAMAGED, RegistryStatusError, refuse, registry_errors
from envbuild.sources.response import Response
from envbuild.sources.url import join_url

if TYPE_CHECKING:
    from envbuild.core.protocols import BlobWriter

__all__ = ["Mount", "RegistryClient", "RegistryStatusError", "UploadSession"]

_OURS: Final = (MANIFEST, INDEX)
# Of Docker before 1.10: signed, and with a history in the place of a config.
_SCHEMA_1: Final = "application/vnd.docker.distribution.manifest.v1+"
_NO_MOUNTS: Final = (404, 405)  # from registries that know no mounts, though they should begin an upload
_LOST: Final = 404  # what an upload gets whose session is forgotten


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload that was begun; `url` may hold secrets."""

    url: str


@dataclass(frozen=True, slots=True)
class Mount:
    """What came of a mount: it is done, or an upload was begun instead, or the registry knows no mounts."""

    done: bool = False
    session: UploadSession | None = None


class RegistryClient:
    """Speaks to one registry. Safe for several threads; every byte read is verified by digest.

    Methods raise RegistryError. Plain HTTP is spoken to loopback hosts, and to others only where
    `plain_http` allows it.
    """

    def __init__(
        self, http: HttpClient, host: str, credentials: Credentials, *, plain_http: bool = False
    ) -> None:
        self.host = host
        self._http = http
        self._address = Address(host, plain_http)
        self._checked = False
        self._authorizer = Authorizer(http, self._address, credentials)

    def find_manifest(self, repository: str, reference: str) -> tuple[Descriptor, bytes] | None:
        """What a tag or digest names, and its bytes, or None where there is nothing.

        The manifest itself is read: an answer to HEAD would be the registry's word only.
        """
        try:
            return self.read_manifest(repository, reference)
        except RegistryStatusError as error:
            if error.status == 404:
                return None
            raise

    def read_manifest(
        self, repository: str, reference: str, accepted: Sequence[str] = _OURS
    ) -> tuple[Descriptor, bytes]:
        """A manifest's or index's bytes and what they are, one of the `accepted` media types.

        They are those of the digest if `reference` is one.
        """
        path = f"{repository}/manifests/{reference}"

        def ask() -> Response:
            return self._get(path, repository, {"Accept": ", ".join(accepted)}, 200)

        with registry_errors(self._address):
            page = self._http.read_answer(ask, MAX_SIZE)
        stated = page.headers.get("Docker-Content-Digest", "")
        digest = Digest.of(page.body)
        for expected in (stated, reference if reference.startswith(PREFIX) else ""):
            self._check_digest(path, expected, digest)
        return Descriptor(self._manifest_type(page, path, accepted), digest), page.body

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the repository has a blob."""
        path = f"{repository}/blobs/{digest}"
        with self._request("HEAD", self._address.api + path, (Scope(repository, "pull"),)) as response:
            self._expect(response, path, 200, 404)
            return response.status == 200

    def download_blob(
        self,
        repository: str,
        digest: Digest,
        writer: BlobWriter,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Write a blob into `writer` and commit it, once size and sha256 are right."""
        path = f"{repository}/blobs/{digest}"

        def ask(headers: Mapping[str, str]) -> Response:
            return self._get(path, repository, headers, 200, 206)

        try:
            with registry_errors(self._address):
                self._http.download(self._address.api + path, writer, digest, progress=progress, ask=ask)
        except RegistryError as error:
            if isinstance(error.__cause__, WrongBytes):
                raise self._damaged(path) from error
            raise

    def mount_blob(self, repository: str, digest: Digest, source: str, access: str = "pull") -> Mount:
        """Take a blob over from another repository.

        `access` is what a token is to allow at the source: who will ask for more soon needs one token only.
        """
        query = urlencode({"mount": str(digest), "from": source})
        path = f"{repository}/blobs/uploads/"
        scopes = (Scope(repository, "pull,push"), Scope(source, access))
        url = f"{self._address.api}{path}?{query}"
        with self._request("POST", url, scopes, body=b"", retried=True) as response:
            self._expect(response, path, 201, 202, *_NO_MOUNTS)
            if response.status != 202 or "Location" not in response.headers:
                return Mount(done=response.status == 201)
            return Mount(session=self._session(response))

    def upload_blob(
        self, repository: str, digest: Digest, file: BinaryIO, session: UploadSession | None = None
    ) -> None:
        """Send a blob as it is, in one piece; tries again from the start where that fails in passing."""
        attempt = 1
        while True:
            begun, session = session or self._begin_upload(repository), None
            try:
                return self._finish_upload(repository, digest, file, begun)
            except RegistryStatusError as error:
                passing = error.passing or error.status == _LOST
                if not passing or attempt == self._http.patience.attempts:
                    raise
                self._http.rest(attempt, error.retry_after)
                answered = error.answered
            # Only the answer may be lost: then the blob is there.
            if not answered and self.has_blob(repository, digest):
                return None
            attempt += 1

    def cancel_upload(self, repository: str, session: UploadSession) -> None:
        """Give up an upload that was begun; where that fails, the registry forgets it by itself."""
        with suppress(RegistryError):
            self._request("DELETE", session.url, (Scope(repository, "pull,push"),)).close()

    def write_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> None:
        """Put a manifest or index under a tag or its digest; what it refers to is there already.

        A registry cannot know what belongs under a tag. It states what it got: other bytes are
        replaced at once, and an error where that does not help.
        """
        path = f"{repository}/manifests/{reference}"
        headers = {"Content-Type": media_type}
        scopes = (Scope(repository, "pull,push"),)
        for _ in range(self._http.patience.attempts):
            url = self._address.api + path
            with self._request("PUT", url, scopes, headers, data, retried=True) as response:
                self._expect(response, path, 201)
                stated = response.headers.get("Docker-Content-Digest", "")
            if not stated or _sha256(stated, path) == Digest.of(data).hash:
                return
        raise self._damaged(path)

    def _begin_upload(self, repository: str) -> UploadSession:
        path = f"{repository}/blobs/uploads/"
        scopes = (Scope(repository, "pull,push"),)
        with self._request("POST", self._address.api + path, scopes, body=b"", retried=True) as response:
            self._expect(response, path, 202)
            return self._session(response)

    def _session(self, response: Response) -> UploadSession:
        location = response.headers.get("Location", "")
        if not location:
            message = f"`{self.host}` does not say where to upload to"
            raise RegistryError(message, hint="a proxy before the registry may drop the header `Location`")
        with registry_errors(self._address):
            url = join_url(response.url, location)
            self._address.check_protected(url)
        return UploadSession(url)

    def _finish_upload(self, repository: str, digest: Digest, file: BinaryIO, session: UploadSession) -> None:
        separator = "&" if "?" in session.url else "?"
        url = f"{session.url}{separator}{urlencode({'digest': str(digest)})}"
        headers = {"Content-Type": "application/octet-stream"}
        with self._request("PUT", url, (Scope(repository, "pull,push"),), headers, file) as response:
            path = f"{repository}/blobs/{digest}"
            self._expect(response, path, 201)
            self._check_digest(path, response.headers.get("Docker-Content-Digest", ""), digest)

    def _get(self, path: str, repository: str, headers: Mapping[str, str], *statuses: int) -> Response:
        url = self._address.api + path
        response = self._request("GET", url, (Scope(repository, "pull"),), headers)
        self._expect(response, path, *statuses)
        return response

    def _request(
        self,
        method: str,
        url: str,
        scopes: tuple[Scope, ...],
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        *,
        retried: bool | None = None,
    ) -> Response:
        """The answer to a request, made again with credentials where a 401 asks for them."""
        if not self._checked:
            self._address.check_host()
            self._checked = True
        with registry_errors(self._address):
            ours = self._address.has(url)  # an upload may go to a storage host: it gets no login
            sent = self._authorizer.header(scopes) if ours else ""
            response = self._http.request(method, url, _with(headers, sent), body, retried=retried)
            if response.status != 401 or not ours or not self._address.has(response.url):
                return response
            answer = self._authorizer.answer(response, scopes, sent)
            if not answer:
                return response
            response.close()
            return self._http.request(method, url, _with(headers, answer), body, retried=retried)

    def _expect(self, response: Response, path: str, *statuses: int) -> None:
        if response.status not in statuses:
            with response:
                raise refuse(self.host, path, response)

    def _check_digest(self, path: str, stated: str, digest: Digest) -> None:
        if stated and _sha256(stated, path) != digest.hash:
            raise self._damaged(path)

    def _damaged(self, path: str) -> RegistryError:
        return RegistryError(f"`{self.host}/{path}` has other bytes than its digest says", hint=DAMAGED)

    def _manifest_type(self, page: Page, path: str, accepted: Sequence[str]) -> str:
        """The media type of a manifest; other web servers answer 200 to anything, too."""
        media_type = page.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.startswith(_SCHEMA_1):
            message = f"`{self.host}/{path}` is in the form of Docker's schema 1, which is no longer read"
            raise RegistryError(message, hint="convert it with `skopeo copy --format v2s2`, or push it again")
        if media_type and media_type not in accepted:
            message = f"`{self.host}/{path}` is no image of ours: its media type is `{excerpt(media_type)}`"
            raise RegistryError(message, hint="check the address: this may be no registry")
        return media_type


def _with(headers: Mapping[str, str] | None, authorization: str) -> dict[str, str]:
    extra = {"Authorization": authorization} if authorization else {}
    return {**(headers or {}), **extra}


def _sha256(text: str, path: str) -> str:
    try:
        return parse_sha256(text)
    except EnvbuildError:
        message = f"`{path}`: the registry answered no sha256 digest"
        raise RegistryError(message, hint="check the address: this may be no registry") from None
