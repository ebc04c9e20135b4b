"""The registry client: the parts of the OCI distribution spec that pulling and publishing need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import urlencode

from envbuild.core.digest import PREFIX, Digest, parse_sha256
from envbuild.core.errors import EnvbuildError, RegistryError, SourceError
from envbuild.core.protocols import BlobWriter
from envbuild.oci.descriptor import INDEX, MANIFEST, Descriptor
from envbuild.oci.document import MAX_SIZE
from envbuild.sources.authorization import Authorizer, Credentials, Scope, login_hint
from envbuild.sources.http import Body, HttpClient, TransportError
from envbuild.sources.response import Response, describe_status
from envbuild.sources.url import is_loopback, join_url, origin

_ACCEPT: Final = f"{MANIFEST}, {INDEX}"
_HUB_API: Final = {"docker.io": "registry-1.docker.io"}  # its name and its API's host differ
_UPLOAD_TRIES: Final = 3
_NO_ANSWER: Final = 0
_LOST: Final = 404  # what an upload gets whose session is forgotten
_PASSING: Final = frozenset((_NO_ANSWER, _LOST, 408, 429, 500, 502, 503, 504))


class RegistryStatusError(RegistryError):
    """A registry answered with another status than those expected; 0 where no whole answer came."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload that was begun; `url` may hold secrets."""

    url: str


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
        name = host.rpartition(":")[0] if host[-1:].isdecimal() and ":" in host else host
        scheme = "http" if plain_http or is_loopback(name) else "https"
        self._api = f"{scheme}://{_HUB_API.get(host, host)}/v2/"
        self._authorizer = Authorizer(http, host, credentials)

    def find_manifest(self, repository: str, reference: str) -> Descriptor | None:
        """What a tag or digest names, by the registry's word, or None where there is nothing."""
        path = f"{repository}/manifests/{reference}"
        with self._pull("HEAD", path, repository, {"Accept": _ACCEPT}) as response:
            if response.status == 404:
                return None
            self._expect(response, path, 200)
            stated = response.headers.get("Docker-Content-Digest", "")
            size = response.headers.get("Content-Length", "")
            media_type = self._manifest_type(response, path)
        if not (stated and size.isdecimal()):
            # Both headers are optional: the manifest itself tells.
            return self.read_manifest(repository, reference)[0]
        return Descriptor(media_type, Digest(_sha256(stated, path), int(size)))

    def read_manifest(self, repository: str, reference: str) -> tuple[Descriptor, bytes]:
        """A manifest's or index's bytes and what they are; equal to the digest if `reference` is one."""
        path = f"{repository}/manifests/{reference}"
        with self._pull("GET", path, repository, {"Accept": _ACCEPT}) as response, _reading(self.host):
            self._expect(response, path, 200)
            data = response.read(MAX_SIZE)
            media_type = self._manifest_type(response, path)
            stated = response.headers.get("Docker-Content-Digest", "")
        digest = Digest.of(data)
        expected = reference if reference.startswith(PREFIX) else stated
        if expected and _sha256(expected, path) != digest.hash:
            raise RegistryError(f"`{self.host}/{path}` has other bytes than its digest says")
        return Descriptor(media_type, digest), data

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the repository has a blob."""
        path = f"{repository}/blobs/{digest}"
        with self._pull("HEAD", path, repository) as response:
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
        scopes = (Scope(repository, "pull"),)
        # A first request settles authorization: a download tries again by itself, but asks for no tokens.
        with self._request("HEAD", self._api + path, scopes) as response:
            self._expect(response, path, 200)
        header = self._authorizer.header(scopes)
        with _reading(self.host):
            self._http.download(
                self._api + path,
                writer,
                digest,
                headers={"Authorization": header} if header else {},
                progress=progress,
            )

    def mount_blob(self, repository: str, digest: Digest, source: str) -> UploadSession | None:
        """Take a blob over from another repository: None if done, else the upload begun instead."""
        query = urlencode({"mount": str(digest), "from": source})
        scopes = (Scope(repository, "pull,push"), Scope(source, "pull"))
        return self._begin(repository, f"{repository}/blobs/uploads/?{query}", scopes, (201, 202))

    def upload_blob(
        self, repository: str, digest: Digest, file: BinaryIO, session: UploadSession | None = None
    ) -> None:
        """Send a blob as it is, in one piece; tries again from the start where that fails in passing."""
        for attempt in range(1, _UPLOAD_TRIES + 1):
            begun, session = session or self._begin_upload(repository), None
            try:
                self._finish_upload(repository, digest, file, begun)
                return
            except RegistryStatusError as error:
                if error.status not in _PASSING or attempt == _UPLOAD_TRIES:
                    raise

    def cancel_upload(self, repository: str, session: UploadSession) -> None:
        """Give up an upload that was begun; where the registry will not, it forgets it by itself."""
        self._request("DELETE", session.url, (Scope(repository, "pull,push"),)).close()

    def write_manifest(self, repository: str, reference: str, data: bytes, media_type: str) -> None:
        """Put a manifest or index under a tag or its digest; what it refers to is there already."""
        path = f"{repository}/manifests/{reference}"
        headers = {"Content-Type": media_type}
        scopes = (Scope(repository, "pull,push"),)
        with self._request("PUT", self._api + path, scopes, headers, data, retried=True) as response:
            self._expect(response, path, 201)

    def _begin_upload(self, repository: str) -> UploadSession:
        scopes = (Scope(repository, "pull,push"),)
        session = self._begin(repository, f"{repository}/blobs/uploads/", scopes, (202,))
        assert session is not None, "202 begins an upload"
        return session

    def _begin(
        self, repository: str, path: str, scopes: tuple[Scope, ...], statuses: tuple[int, ...]
    ) -> UploadSession | None:
        with self._request("POST", self._api + path, scopes, body=b"", retried=True) as response:
            self._expect(response, f"{repository}/blobs/uploads/", *statuses)
            location = response.headers.get("Location", "")
            if response.status == 201:
                return None
        if not location:
            raise RegistryError(f"`{self.host}` does not say where to upload to")
        with _reading(self.host):
            return UploadSession(join_url(response.url, location))

    def _finish_upload(self, repository: str, digest: Digest, file: BinaryIO, session: UploadSession) -> None:
        separator = "&" if "?" in session.url else "?"
        url = f"{session.url}{separator}{urlencode({'digest': str(digest)})}"
        headers = {"Content-Type": "application/octet-stream"}
        with self._request("PUT", url, (Scope(repository, "pull,push"),), headers, file) as response:
            self._expect(response, f"{repository}/blobs/{digest}", 201)

    def _pull(
        self, method: str, path: str, repository: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        return self._request(method, self._api + path, (Scope(repository, "pull"),), headers)

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
        ours = origin(url) == origin(self._api)  # an upload may go to a storage host: it gets no login
        sent = self._authorizer.header(scopes) if ours else ""
        with _reading(self.host):
            response = self._http.request(method, url, _with(headers, sent), body, retried=retried)
            if response.status != 401 or not ours:
                return response
            answer = self._authorizer.answer(response, scopes, sent)
            if not answer:
                return response
            response.close()
            return self._http.request(method, url, _with(headers, answer), body, retried=retried)

    def _expect(self, response: Response, path: str, *statuses: int) -> None:
        if response.status in statuses:
            return
        status = response.status
        message = f"`{self.host}/{path}`: the registry answered {describe_status(status)}"
        raise RegistryStatusError(status, message, self._advise(status))

    def _manifest_type(self, response: Response, path: str) -> str:
        """The media type of a manifest; other web servers answer 200 to anything, too."""
        media_type = _media_type(response)
        if media_type and media_type not in (MANIFEST, INDEX):
            message = f"`{self.host}/{path}` is no image of ours: its media type is `{media_type}`"
            raise RegistryError(message, hint="check the address: this may be no registry")
        return media_type

    def _advise(self, status: int) -> str:
        if status == 401:
            return login_hint(self.host)
        if status == 403:
            return "the login may not do this: ask for access to the repository, or log in as somebody else"
        if status == 404:
            return "check the registry's address and the repository: some registries want it created first"
        return "try again later" if status >= 500 or status == 429 else ""


@contextmanager
def _reading(host: str) -> Iterator[None]:
    """Failures of HTTP as failures of this registry."""
    try:
        yield
    except TransportError as error:
        message = f"registry `{host}`: {error.message}"
        raise RegistryStatusError(_NO_ANSWER, message, error.hint) from error
    except SourceError as error:
        raise RegistryError(f"registry `{host}`: {error.message}", hint=error.hint) from error


def _media_type(response: Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip()


def _with(headers: Mapping[str, str] | None, authorization: str) -> dict[str, str]:
    extra = {"Authorization": authorization} if authorization else {}
    return {**(headers or {}), **extra}


def _sha256(text: str, path: str) -> str:
    try:
        return parse_sha256(text)
    except EnvbuildError:
        raise RegistryError(f"`{path}`: the registry answered no sha256 digest") from None
