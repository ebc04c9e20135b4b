"""What a registry holds, read from it without any code of ours."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.error
import urllib.request
from typing import Any

ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"


def read_tag(host: str, repository: str, login: tuple[str, str] | None = None) -> str | None:
    """The digest that the tag `latest` names, or None; all that is below it must be there, and be right."""
    reader = _Reader(f"http://{host}/v2/{repository}", login)
    try:
        data = reader.read("manifests/latest")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    reader.check_below(json.loads(data))
    return sha256(data)


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class _Reader:
    def __init__(self, url: str, login: tuple[str, str] | None) -> None:
        self._url = url
        self._headers = {"Accept": ACCEPT}
        if login:
            self._headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()

    def read(self, path: str) -> bytes:
        request = urllib.request.Request(f"{self._url}/{path}", headers=self._headers)
        with urllib.request.urlopen(request) as response:
            data: bytes = response.read()
        return data

    def check_below(self, document: dict[str, Any]) -> None:
        for entry in document.get("manifests", []):
            data = self.read(f"manifests/{entry['digest']}")
            assert sha256(data) == entry["digest"]
            self.check_below(json.loads(data))
        for blob in [*document.get("layers", []), *filter(None, [document.get("config")])]:
            assert sha256(self.read(f"blobs/{blob['digest']}")) == blob["digest"]
