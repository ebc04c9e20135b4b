"""Where plain HTTP may be spoken, before anything is asked."""

from __future__ import annotations

import pytest

from envbuild.core.errors import RegistryError, SourceError
from envbuild.sources.registry_address import Address


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("registry.example.org", "https://registry.example.org/v2/"),
        ("registry.example.org:5000", "https://registry.example.org:5000/v2/"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/v2/"),
        ("127.9.9.9", "http://127.9.9.9/v2/"),
        ("localhost", "http://localhost/v2/"),
        ("a.localhost:5000", "http://a.localhost:5000/v2/"),
        ("[::1]:5000", "http://[::1]:5000/v2/"),
        ("[::1]", "http://[::1]/v2/"),
        # What only looks as if it were this machine.
        ("0.0.0.0:5000", "https://0.0.0.0:5000/v2/"),
        ("127.0.0.1.example.org", "https://127.0.0.1.example.org/v2/"),
        ("localhost.example.org", "https://localhost.example.org/v2/"),
        ("127.1:5000", "https://127.1:5000/v2/"),
        ("[fe80::1]:5000", "https://[fe80::1]:5000/v2/"),
        # Its API has another name.
        ("docker.io", "https://registry-1.docker.io/v2/"),
    ],
)
def test_only_loopback_is_spoken_to_in_the_clear(host: str, api: str) -> None:
    assert Address(host).api == api


def test_plain_http_may_be_allowed() -> None:
    assert Address("registry.example.org:5000", plain_http=True).api == "http://registry.example.org:5000/v2/"


TLS, LOOPBACK = Address("registry.example.org"), Address("127.0.0.1:5000")
ALLOWED = Address("registry.example.org", plain_http=True)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (TLS, "https://storage.example.org/upload"),
        (LOOPBACK, "https://storage.example.org/upload"),
        (LOOPBACK, "http://127.0.0.1:5001/token"),
        (LOOPBACK, "http://localhost:5001/token"),
        (ALLOWED, "http://storage.example.org/upload"),
    ],
)
def test_a_registry_may_send_us_to(address: Address, url: str) -> None:
    address.check_protected(url)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (TLS, "http://registry.example.org/v2/upload"),
        (TLS, "http://127.0.0.1:5000/upload"),  # of whose machine?
        (LOOPBACK, "http://storage.example.org/upload?signature=secret"),
        (LOOPBACK, "http://user:secret@0.0.0.0:5000/upload"),
    ],
)
def test_a_registry_may_not_send_us_to(address: Address, url: str) -> None:
    with pytest.raises(RegistryError, match="which is not protected by TLS") as caught:
        address.check_protected(url)
    assert "secret" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "//", "ftp://host/"])
def test_only_http_is_followed(url: str) -> None:
    with pytest.raises(SourceError, match="no http or https URL"):
        LOOPBACK.check_protected(url)


def test_a_login_is_for_one_origin() -> None:
    assert TLS.has("https://registry.example.org:443/v2/a/blobs/uploads/1")
    for other in (
        "http://registry.example.org/",
        "https://registry.example.org:444/",
        "https://example.org/",
    ):
        assert not TLS.has(other)
