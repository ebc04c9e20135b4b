from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from envbuild.spec.positions import parse_yaml
from envbuild.spec.problems import Problems
from envbuild.spec.sources import Login, Source, read_sources
from tests.makers.workspace import failures, write_files


def read(root: Path, text: str) -> tuple[Source, ...]:
    problems = Problems()
    sources = read_sources(parse_yaml(dedent(text).encode(), "envbuild.yaml"), root, problems)
    problems.raise_if_any()
    return sources


def fails(root: Path, text: str) -> list[str]:
    return failures(lambda: read(root, text))


def test_sources_stand_in_order_of_priority_and_defaults_last(tmp_path: Path) -> None:
    write_files(tmp_path, {"keys/k.gpg": ""})
    text = """\
        - index:
            name: internal
            url: https://packages.example.com/simple/
            packages: [Acme_Tools, b, acme.tools]
        - debian:
            name: snapshot
            urls: [http://a.example.com/debian, http://b.example.com/debian]
            keyring: keys/k.gpg
        """
    assert read(tmp_path, text) == (
        Source("internal", "index", ("https://packages.example.com/simple",), ("acme-tools", "b")),
        Source(
            "snapshot",
            "debian",
            ("http://a.example.com/debian", "http://b.example.com/debian"),
            keyring=tmp_path / "keys/k.gpg",
        ),
        Source("pypi", "index"),
        Source("debian", "debian"),
    )


def test_a_default_may_be_placed_or_replaced(tmp_path: Path) -> None:
    text = "- index: {name: pypi}\n- index: {name: x, url: https://x.example.com}"
    assert [source.alias for source in read(tmp_path, text)] == ["pypi", "x", "debian"]
    text = "- index: {name: pypi, url: https://x.example.com}"
    assert read(tmp_path, text)[0].urls == ("https://x.example.com",)


@pytest.mark.parametrize("login", ["user:s3cret@", "s3cret@", ":s3cret@"])
@pytest.mark.parametrize("line", ["index: {name: x, url: 'URL'}", "debian: {name: x, urls: ['URL']}"])
def test_credentials_are_refused_and_not_shown(tmp_path: Path, login: str, line: str) -> None:
    (error,) = fails(tmp_path, f"- {line}".replace("URL", f"https://{login}example.com/simple"))
    assert error.partition(": ")[2] == (
        "the URL holds credentials\n"
        "hint: put them into ~/.netrc (or the file that `NETRC` names), and write the URL without them"
    )
    assert "s3cret" not in error


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://example.com/x", "this is no `http` or `https` URL\nhint: write `https://host/path`"),
        ("example.com/simple", "this is no `http` or `https` URL\nhint: write `https://host/path`"),
        ("https:///simple", "this is no `http` or `https` URL\nhint: write `https://host/path`"),
        (
            "https://example.com/simple?token=s3cret",
            "the URL has a query or a fragment\nhint: write only scheme, host and path",
        ),
    ],
)
def test_other_urls_that_are_refused(tmp_path: Path, url: str, error: str) -> None:
    assert fails(tmp_path, f"- index: {{name: x, url: '{url}'}}") == [f"envbuild.yaml:1:25: {error}"]


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    text = """\
        - index: {name: Big, url: https://a.example.com}
        - index: {name: one, url: https://a.example.com, packages: [a]}
        - index: {name: one, url: https://b.example.com}
        - index: {name: two, url: https://c.example.com, packages: [A]}
        - debian: {name: pypi}
        - idnex: {name: x}
        - index: {url: https://d.example.com, urls: []}
        - debian: {name: d, keyring: k.gpg}
        - pypi
        """
    assert fails(tmp_path, text) == [
        "envbuild.yaml:1:17: `Big` is not an alias\nhint: use lower-case letters, digits, `-` and `_`",
        "envbuild.yaml:3:3: a second source `one`\nhint: the first one is at envbuild.yaml:2:3",
        "envbuild.yaml:5:3: `pypi` is the alias of a source of kind `index`\nhint: rename it",
        "envbuild.yaml:6:3: there is no kind of source `idnex`\nhint: did you mean `index`?",
        "envbuild.yaml:7:3: `index` lacks the attribute `name`\nhint: add `name: ...`, its alias in locks",
        "envbuild.yaml:7:39: `index` has no attribute `urls`\nhint: did you mean `url`?",
        "envbuild.yaml:8:30: there is no file `k.gpg`\nhint: check the path",
        (
            "envbuild.yaml:9:3: a call is one name with its attributes\n"
            "hint: write `- index: {name: ..., url: ...}`, `- channel: {name: ..., url: ...}`, "
            "`- debian: {name: ..., urls: [...]}`"
            " or `- registry: {name: ..., host: ...}`"
        ),
    ]


def test_a_package_comes_from_one_index(tmp_path: Path) -> None:
    text = """\
        - index: {name: one, url: https://a.example.com, packages: [a]}
        - index: {name: two, url: https://c.example.com, packages: [A]}
        """
    (error,) = fails(tmp_path, text)
    assert error.splitlines() == [
        "envbuild.yaml:2:3: `a` is pinned to `one` and to `two`",
        "hint: a package comes from one index: remove one pin",
    ]


def test_a_registry_s_login_is_where_the_workspace_says(tmp_path: Path) -> None:
    text = """\
        - registry: {name: one, host: reg.example.com/team, username_env: A, password_env: B}
        - registry: {name: two, host: reg.example.com, username_env: A, password_env: B}
        - registry: {name: three, host: "b.example.com:5000", login_file: secrets/b}
        - registry: {name: four, host: c.example.com, login_file: /run/secrets/c}
        - registry: {name: five, host: d.example.com}
        """
    assert [source.login for source in read(tmp_path, text)[:5]] == [
        Login("A", "B"),
        Login("A", "B"),
        Login(file=tmp_path / "secrets/b"),
        Login(file=Path("/run/secrets/c")),
        None,
    ]


TWO_PLACES = (
    "a login is in two variables, or in a file\n"
    "hint: state `username_env` with `password_env`, or `login_file`"
)


@pytest.mark.parametrize(
    ("login", "error"),
    [
        ("username_env: A", TWO_PLACES),
        ("password_env: A", TWO_PLACES),
        ("username_env: A, password_env: B, login_file: c", TWO_PLACES),
        (
            "username_env: A, password_env: not-a-name",
            "`not-a-name` is no variable's name\nhint: write a name such as `CORP_USER`",
        ),
    ],
)
def test_logins_that_are_refused(tmp_path: Path, login: str, error: str) -> None:
    text = f"- registry: {{name: one, host: reg.example.com, {login}}}"
    assert fails(tmp_path, text) == [f"envbuild.yaml:1:3: {error}"]


def test_a_host_has_one_login(tmp_path: Path) -> None:
    text = """\
        - registry: {name: one, host: reg.example.com/a, login_file: a}
        - registry: {name: two, host: reg.example.com/b, login_file: b}
        """
    (error,) = fails(tmp_path, text)
    assert error.splitlines() == [
        "envbuild.yaml:2:3: `one` and `two` state different logins for `reg.example.com`",
        "hint: state one of them for both",
    ]


def test_channels_are_urls_folders_and_copies(tmp_path: Path) -> None:
    text = """\
        - channel: {name: ours, urls: ["https://a.example/c/", "https://b.example/c"], login_file: login}
        - channel: {name: here, url: "file:a folder"}
        - channel: {name: there, url: "file:///srv/channel"}
        """
    ours, here, there = read(tmp_path, text)[:3]
    assert ours.urls == ("https://a.example/c", "https://b.example/c")
    assert ours.login == Login(file=tmp_path / "login")
    assert here.urls == ((tmp_path / "a folder").as_uri(),)
    assert there.urls == ("file:///srv/channel",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{name: x}", "a channel has no URL"),
        ("{name: x, url: 'https://h/t/secret-1/c'}", "the URL holds a token"),
        ("{name: x, url: 'https://me:secret-1@h/c'}", "the URL holds credentials"),
        ("{name: x, url: 'ftp://h/c'}", "this is no `http` or `https` URL"),
        ("{name: x, url: 'https://h/c', username_env: A}", "login is in two variables"),
    ],
)
def test_channels_that_are_none(tmp_path: Path, line: str, expected: str) -> None:
    said = "".join(fails(tmp_path, f"- channel: {line}"))
    assert expected in said
    assert "secret-1" not in said
