"""URLs of channels with a token, as conda takes them: refused wherever they stand, and never shown."""

from __future__ import annotations

import json

import pytest

from tests.makers.project import Project, environment

TOKEN = "to-ken-7"
HINT = "`- channel: {name: corp, url: ..., username_env: ..., password_env: ...}`, and write its alias"


def conda(**stated: object) -> str:
    return environment(conda=stated, base="scratch", libc="glibc 2.36")


@pytest.fixture(params=[f"https://h.invalid/t/{TOKEN}/c", f"https://h.invalid/t/{TOKEN}"])
def url(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


def refuse(project: Project, *command: str) -> str:
    """What a command says that must refuse the spec; before anything is asked of a server."""
    error = project.fail(2, *command)
    everything = project.refuse(2, *command, "--output", "json", "--events", "../events")
    events = project.top / "events"
    told = events.read_text() if events.exists() else ""
    assert TOKEN not in error + everything.out + everything.err + told
    return error


@pytest.mark.parametrize(
    "dependency", ["{}::python", "python[channel={}]", "{}/linux-64/a-1-0.conda", "python"]
)
def test_in_an_environment(project: Project, url: str, dependency: str) -> None:
    channels = [url] if dependency == "python" else ["conda-forge"]
    project.write({"BUILD.yaml": conda(channels=channels, dependencies=[dependency.format(url)])})
    error = refuse(project, "lock")
    assert ": error: the URL holds a token\nhint: name the channel in envbuild.yaml, " in error
    assert HINT in error


@pytest.mark.parametrize(
    "stated",
    [{"name": "corp", "url": "{}"}, {"name": "corp", "urls": ["https://h.invalid/c", "{}"]}, {"name": "{}"}],
)
def test_in_the_workspace(project: Project, url: str, stated: dict[str, object]) -> None:
    source = json.dumps({"channel": stated}).replace("{}", url)
    project.write({"envbuild.yaml": f"sources: [{source}]\n", "BUILD.yaml": conda(dependencies=["python"])})
    error = refuse(project, "lock")
    assert "the URL holds a token\n" in error or "is not an alias\n" in error
    assert "`username_env` with `password_env`, or `login_file`" in error or "alias" in error


def test_where_no_url_belongs(project: Project, url: str) -> None:
    """What is quoted of a spec has no token either."""
    project.write({"BUILD.yaml": environment(conda=url, base="scratch", libc="glibc 2.36")})
    assert "there is no file `https:/h.invalid/t/***" in refuse(project, "lock")
    project.write({"BUILD.yaml": conda(**{url: 1})})
    assert "has no `https://h.invalid/t/***" in refuse(project, "lock")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("environment.yml", "name: x\nchannels: ['{}']\ndependencies: [python]\n"),
        ("explicit.txt", "@EXPLICIT\n{}/linux-64/a-1-0.conda\n"),
    ],
)
def test_in_a_file_that_is_imported(project: Project, url: str, file: str, content: str) -> None:
    project.write({"BUILD.yaml": "", file: content.format(url)})
    assert HINT in refuse(project, "import", file)
