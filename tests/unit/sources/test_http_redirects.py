"""Where requests are led to, and what goes along: logins, proxies, bodies."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.errors import SourceError
from envbuild.sources.http import HttpClient, Patience, TransportError, redact
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.unit.sources.conftest import DATA

pytestmark = pytest.mark.usefixtures("no_settings")


def test_credentials_follow_within_an_origin_only(http: HttpClient, server: Gate) -> None:
    with open_gate(Gate("", before=lambda asked: Answer(200))) as other:

        def redirect(asked: Asked) -> Answer:
            to = {"/a": "/b", "/b": f"http://robin:other@{other.host}/c"}[asked.path]
            return Answer(302, b"", {"Location": to})

        server.before = redirect
        with http.get(f"http://robin:secret@{server.host}/a", {"Cookie": "c"}) as response:
            assert response.url == f"http://{other.host}/c"
        assert [asked.headers.get("authorization", "")[:5] for asked in server.asked] == ["Basic", "Basic"]
        assert not {"authorization", "cookie"} & other.asked[0].headers.keys()


def test_what_a_post_sends_stays_at_its_origin(http: HttpClient, server: Gate) -> None:
    """A form may hold a refresh token; 307 and 308 would have it sent again."""
    with open_gate(Gate("", before=lambda asked: Answer(200))) as other:
        server.before = lambda asked: Answer(307, b"", {"Location": f"http://{other.host}/token"})
        with pytest.raises(SourceError, match="redirects what was sent to it to"):
            http.request("POST", f"http://{server.host}/token", body=b"refresh_token=secret")
        assert other.asked == []


@pytest.mark.parametrize("host", ["h\x1b", "a b", "a..b", "a" * 64])
def test_a_redirect_to_no_host_at_all_is_not_tried_again(host: str, http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": f"http://{host}/"})
    with pytest.raises(TransportError, match="is no URL that can be asked") as caught:
        http.get(f"http://{server.host}/f")
    assert not caught.value.passing
    assert len(server.asked) == 1


def test_a_url_without_end_is_not_shown_whole() -> None:
    assert redact(f"https://host.example/{'a' * 100_000}?b") == f"https://host.example/{'a' * 979}...?..."


def test_endless_redirects_are_an_error(http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": "/again"})
    with pytest.raises(SourceError, match="redirects too often"):
        http.get(f"http://{server.host}/f")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/", "http://host:port/"])
def test_redirects_lead_to_http_only(target: str, http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": target})
    with pytest.raises(SourceError, match="no http or https URL"):
        http.get(f"http://{server.host}/f")


def test_a_redirect_to_nonsense_is_an_error(http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": "https://["})
    with pytest.raises(SourceError, match="malformed URL"):
        http.get(f"http://{server.host}/f")


def test_a_body_is_not_sent_elsewhere_by_a_redirect_that_drops_it(http: HttpClient, server: Gate) -> None:
    server.before = lambda asked: Answer(302, b"", {"Location": "/elsewhere"})
    with http.request("PUT", f"http://{server.host}/f", body=b"x") as response:
        assert response.status == 302
    assert len(server.asked) == 1


def test_logins_come_from_netrc(http: HttpClient, server: Gate, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text(
        "machine 127.0.0.1 login robin password secret\ndefault login a password b\n"
    )
    http.get(f"http://{server.host}/f").close()
    http.get(f"http://{server.host}/f", {"authorization": "Bearer t"}).close()
    assert server.asked[0].headers["authorization"] == "Basic cm9iaW46c2VjcmV0"
    assert server.asked[1].headers["authorization"] == "Bearer t"


def test_a_broken_netrc_is_an_error(http: HttpClient, server: Gate, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine")
    with pytest.raises(SourceError, match="netrc file"):
        http.get(f"http://{server.host}/f")


def test_proxies_are_used_but_not_for_this_machine(
    http: HttpClient, server: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://proxy-user:proxy-pass@{server.host}")
    with http.get("http://somewhere.invalid/f") as response:
        assert response.read(len(DATA)) == DATA
    assert server.asked[0].target == "http://somewhere.invalid/f"
    assert server.asked[0].headers["proxy-authorization"].startswith("Basic ")
    http.get(f"http://{server.host}/g").close()
    assert server.asked[1].target == "/g"
    monkeypatch.setenv("no_proxy", "somewhere.invalid")
    with pytest.raises(TransportError, match="is unknown"):
        HttpClient(patience=Patience(pause=0.001)).get("http://somewhere.invalid/f")
