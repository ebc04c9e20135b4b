from __future__ import annotations

import pytest

from envbuild.sources.http import redact
from envbuild.sources.url import is_loopback, origin, split_login


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://robin:secret@host.test:8443/a", "https://host.test:8443/a"),
        ("https://token@[::1]:1/a?sig=secret#secret", "https://[::1]:1/a?..."),
        ("http://[", "<malformed URL>"),
        ("https://robin:sec/ret@host/a", "<malformed URL>"),
        ("https://robin:80/secret@host/a", "<URL with `@`>"),
        ("https://robin:80?secret@host/a", "<URL with `@`>"),
        ("https://robin:80#secret@host/a", "<URL with `@`>"),
        ("secret@host", "<URL with `@`>"),
        ("https://a:b@c@host/", "https://host/"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert redact(url) == shown


def test_the_parts_of_a_url() -> None:
    assert split_login("https://rob%40in:a%3Ab@host/p?q=1") == ("https://host/p?q=1", ("rob@in", "a:b"))
    assert split_login("https://host/p") == ("https://host/p", None)
    assert origin("https://HOST/") == origin("https://host:443/x") != origin("http://host/")
    assert is_loopback("127.0.0.9")
    assert is_loopback("[::1]")
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example.org")
