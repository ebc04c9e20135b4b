"""What a registry holds, read from it without any code of ours."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from typing import Any

ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"


def read_tag(host: str, repository: str, tag: str = "latest") -> str | None:
    """The digest that a tag names, or None; all that is below it must be there, and be right."""
    try:
        data = _read(f"http://{host}/v2/{repository}/manifests/{tag}")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    _check_below(f"http://{host}/v2/{repository}", json.loads(data))
    return sha256(data)


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _check_below(url: str, document: dict[str, Any]) -> None:
    for entry in document.get("manifests", []):
        data = _read(f"{url}/manifests/{entry['digest']}")
        assert sha256(data) == entry["digest"]
        _check_below(url, json.loads(data))
    for blob in [*document.get("layers", []), *filter(None, [document.get("config")])]:
        assert sha256(_read(f"{url}/blobs/{blob['digest']}")) == blob["digest"]


def _read(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": ACCEPT})
    with urllib.request.urlopen(request) as response:
        data: bytes = response.read()
    return data
