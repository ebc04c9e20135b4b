"""The switch before several indexes: who may be asked for what."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest

from envbuild.sources.http import HttpClient
from envbuild.sources.index_switch import open_switch
from tests.makers.index import make_package, run_index


def test_it_redirects_what_is_allowed_and_hides_the_rest() -> None:
    http = HttpClient()
    with run_index(make_package("app")) as index:
        index.login = "me:s3cret"

        def allowed(alias: str, project: str) -> bool:
            return (alias, project) == ("two", "app")

        targets = {"one": index.url_with_login(), "two": index.url_with_login()}
        with open_switch(targets, allowed) as switch:
            with http.get(f"{switch.urls['one']}app/") as refused:
                assert refused.status == 404
            assert not index.requests
            with http.get(f"{switch.urls['two']}app/") as redirected:
                # The login of a redirect's address is not taken over by this client.
                assert redirected.url == f"{index.url}/app/"
            assert switch.served == {"app": "two"}


@pytest.mark.parametrize("path", ["", "app/", "9/app/", "0/", "0/a/b/", "x/app/", "../0/app/"])
def test_other_paths_lead_nowhere(path: str) -> None:
    with open_switch({"one": "http://127.0.0.1:9"}, lambda *_: True) as switch:
        root = switch.urls["one"].removesuffix("0/")
        with HttpClient().get(root + path) as response:
            assert response.status == 404
        assert not switch.served


def test_who_only_knows_the_port_learns_no_login() -> None:
    with open_switch({"one": "http://me:s3cret@127.0.0.1:9"}, lambda *_: True) as switch:
        secret = urlsplit(switch.urls["one"]).path.split("/")[1]
        assert len(secret) > 40
        for guess in ("", secret[:-1], "é"):
            asked = switch.urls["one"].replace(secret, quote(guess))
            with HttpClient().get(f"{asked}app/") as response:
                assert response.status == 404
                assert "Location" not in response.headers


def test_it_gives_a_page_and_files_in_the_place_of_an_index_s() -> None:
    given = {("app", ""): b"<a href='x.whl'>x.whl</a>", ("app", "x.whl"): b"a wheel", ("none", ""): b""}
    asked = []

    def replace(alias: str, project: str, file: str) -> bytes | None:
        asked.append((alias, project, file))
        return given.get((project, file))

    http = HttpClient()
    with (
        run_index(make_package("other")) as index,
        open_switch({"one": index.url}, lambda _, project: project != "hidden", replace) as switch,
    ):
        root = switch.urls["one"]
        page = http.read(f"{root}app/", 1000)
        assert (page.body, page.headers["Content-Type"]) == (given["app", ""], "text/html")
        assert http.read(f"{root}app/x.whl", 1000).body == b"a wheel"
        assert not index.requests
        for path in ("none/", "app/y.whl", "other/y.whl", "hidden/", "hidden/x.whl"):
            with http.get(root + path) as response:
                assert response.status == 404, path
        with http.get(f"{root}other/") as redirected:
            assert redirected.url == f"{index.url}/other/"
        assert switch.served == {"app": "one", "other": "one"}
    assert ("one", "hidden", "") not in asked
