"""A login is used, and found again nowhere: in no lock, layer, event, trace, message or remembered answer."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.processes import Process, processes_of_session
from tests.makers.project import Outcome, Project, environment, name_indexes
from tests.makers.secrets import find_in_folder, has_secret

USER, PASSWORD = "marked-user", "marked/7f3a@+secret"
SECRETS = (USER, PASSWORD)
# What the user keeps on purpose.
HOLDERS = (
    "home/.netrc",
    "home/netrc",
    "home/.config/pip/pip.conf",
    "home/.config/uv/uv.toml",
    "home/uv.toml",
)
TOLD = ["-v", "--events", "../events", "--profile", "../profile.gz"]

Carry = Callable[[Project, FakeIndex], Project]


def netrc(project: Project, index: FakeIndex, password: str = PASSWORD, name: str = ".netrc") -> Project:
    host = index.origin.removeprefix("http://").partition(":")[0]
    return keep(project, name, f'machine {host} login {USER} password "{password}"\n')


def keep(project: Project, name: str, text: str) -> Project:
    """A file of the user's own."""
    path = Path(project.environment["HOME"], name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return project


def with_login(index: FakeIndex) -> str:
    return index.url.replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@")


def variable(name: str) -> Carry:
    return lambda project, index: project.with_variables(**{name: with_login(index)})


# Who brings the login of an index: files for any host, and the machine's own index.
NETRCS: dict[str, Carry] = {
    "netrc": netrc,
    "NETRC": lambda project, index: netrc(project, index, name="netrc").with_variables(
        NETRC=project.environment["HOME"] + "/netrc"
    ),
}
URLS: dict[str, Carry] = {
    "PIP_INDEX_URL": variable("PIP_INDEX_URL"),
    "UV_DEFAULT_INDEX": variable("UV_DEFAULT_INDEX"),
    "UV_INDEX_URL": variable("UV_INDEX_URL"),
    "pip.conf": lambda project, index: keep(
        project, ".config/pip/pip.conf", f"[global]\nindex-url = {with_login(index)}\n"
    ),
    "uv.toml": lambda project, index: keep(
        project, ".config/uv/uv.toml", f'[[index]]\nurl = "{with_login(index)}"\ndefault = true\n'
    ),
    "UV_CONFIG_FILE": lambda project, index: keep(
        project, "uv.toml", f'index-url = "{with_login(index)}"\n'
    ).with_variables(UV_CONFIG_FILE=project.environment["HOME"] + "/uv.toml"),
}
CARRIERS = {**NETRCS, **URLS}


def host_target(*pip: str) -> str:
    """A target like this machine, for which pip-tools can answer, too."""
    family, version = platform.libc_ver()
    return environment(
        pip=list(pip),
        libc=f"{family} {version}",
        python="{}.{}".format(*sys.version_info),
        platforms=["linux/amd64" if platform.machine() == "x86_64" else "linux/arm64"],
    )


@pytest.fixture
def guarded(project: Project, index: FakeIndex) -> Project:
    """A project whose index asks for a login."""
    index.login = f"{USER}:{PASSWORD}"
    index.add(make_package("alpha", requires=["beta"]))
    index.add(make_package("beta", payload=bytes(3_000_000)))
    return project.write({"BUILD.yaml": environment(pip=["alpha"])})


def carry(project: Project, index: FakeIndex, carrier: str) -> Project:
    """The project where a carrier brings the login; the machine's own index is then the only one."""
    if carrier in URLS:
        project.write({"envbuild.yaml": ""})
    return CARRIERS[carrier](project, index)


def run_main(project: Project, *options: str) -> list[Outcome]:
    """What must ask an index, told as loudly as it can be."""
    return [project.succeed("lock", *TOLD, *options), project.succeed("build", *TOLD)]


def run_all(project: Project) -> list[Outcome]:
    """All that a user does with a target."""
    return [
        *run_main(project),
        project.succeed("build"),
        project.succeed("build", "--output", "json"),
        project.succeed("verify", "--output", "json"),
        project.succeed("aquery"),
        project.succeed("aquery", "--output", "json"),
        project.succeed("query", "//..."),
        project.succeed("info"),
        project.succeed("info", "--output", "json"),
        project.succeed("cache", "info"),
        project.succeed("export", ":app", "--format", "oci-archive", "-o", "../app.tar"),
        project.succeed("export", ":app", "--format", "pylock", "-o", "../pylock.toml"),
    ]


def find_secrets(project: Project, *outcomes: Outcome) -> list[str]:
    """Where a part of the login can be read; whoever holds it on purpose is left out."""
    shown = [f"shown: {each}" for each in outcomes if has_secret((each.out + each.err).encode(), SECRETS)]
    return shown + find_in_folder(project.top, SECRETS, HOLDERS)


@pytest.mark.parametrize("carrier", ["netrc", "UV_DEFAULT_INDEX"])
def test_login_in_all_commands(guarded: Project, index: FakeIndex, carrier: str) -> None:
    known = carry(guarded, index, carrier)
    assert find_secrets(known, *run_all(known)) == []


@pytest.mark.parametrize("carrier", CARRIERS)
def test_login_of_an_index(guarded: Project, index: FakeIndex, carrier: str) -> None:
    known = carry(guarded, index, carrier)
    assert find_secrets(known, *run_main(known)) == []
    if carrier in URLS:
        # No address either: the lock names the alias, and whoever builds has an index of their own.
        assert b"127.0.0.1" not in guarded.contents()["app.lock.json"]


# Several indexes, and pip-tools, are asked by way of redirects.
@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
@pytest.mark.parametrize("carrier", ["netrc", "UV_DEFAULT_INDEX"])
def test_login_of_one_of_several_indexes(
    guarded: Project, index: FakeIndex, carrier: str, resolver: str
) -> None:
    with run_index(make_package("gamma")) as other:
        url = {"url": index.url} if carrier in NETRCS else {}
        sources = [{"index": {"name": "other", "url": other.url}}, {"index": {"name": "pypi", **url}}]
        files = {
            "envbuild.yaml": f"sources: {json.dumps(sources)}\n",
            "BUILD.yaml": host_target("gamma", "alpha"),
        }
        known = CARRIERS[carrier](guarded.write(files), index)
        assert find_secrets(known, *run_main(known, "--resolver", resolver)) == []
        if carrier in URLS and resolver == "uv":  # netrc knows no ports, and pip-tools nothing else
            assert other.logins == [""]


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
@pytest.mark.parametrize("status", [401, 403, 500])
@pytest.mark.parametrize("carrier", ["netrc", "PIP_INDEX_URL"])
def test_index_that_repeats_the_login_it_refuses(
    guarded: Project, index: FakeIndex, carrier: str, status: int, resolver: str
) -> None:
    known = carry(guarded, index, carrier).write({"BUILD.yaml": host_target("alpha")})
    known = known.with_variables(UV_HTTP_RETRIES="0")
    index.statuses["alpha"] = status
    refused = known.run("lock", *TOLD, "--resolver", resolver)
    del index.statuses["alpha"]
    known.succeed("lock")
    index.statuses["beta"] = status
    unbuilt = known.run("build", *TOLD, "--keep-going", "--output", "json")
    assert (refused.code, unbuilt.code) == (4, 4)
    assert f"answered {status}" in unbuilt.err
    assert find_secrets(known, refused, unbuilt) == []


def test_login_that_is_wrong(guarded: Project, index: FakeIndex) -> None:
    known = carry(guarded, index, "netrc")
    index.login = "another:login"
    outcomes = [known.run("lock", *TOLD)]
    index.login = f"{USER}:{PASSWORD}"
    known.succeed("lock")
    index.login = "another:login"
    outcomes.append(known.run("build", *TOLD))
    assert [each.code for each in outcomes] == [4, 4]
    assert "answered 401 (unauthorized)" in outcomes[1].err
    assert find_secrets(known, *outcomes) == []


# Proxies are never asked for loopback addresses: the index has another name, which only the proxy knows.
@pytest.mark.parametrize("proxy_login", [f"{USER}:{PASSWORD}", "another:login"])
def test_login_of_a_proxy(project: Project, index: FakeIndex, proxy_login: str) -> None:
    index.add(make_package("alpha"))
    index.proxy_login = proxy_login
    proxy = with_login(index).removesuffix("/simple")
    project.write({"envbuild.yaml": name_indexes(pypi="http://index.invalid/simple")})
    project.write({"BUILD.yaml": environment(pip=["alpha"])})
    known = project.with_variables(http_proxy=proxy)
    outcomes = [known.run("lock", *TOLD), known.run("build", *TOLD)]
    expected = [0, 0] if proxy_login.startswith(USER) else [4, 3]
    assert [each.code for each in outcomes] == expected, outcomes
    assert find_secrets(known, *outcomes) == []


def stop_at_the_rest(project: Project, index: FakeIndex, *arguments: str) -> tuple[list[Process], Outcome]:
    """Kill a command, and all that it started, where it waits for the rest of a file: what ran then."""
    index.stalled.add("beta-1.0-py3-none-any.whl")
    with project.start(*arguments) as process:
        assert index.waiting.wait(60)
        running = processes_of_session(process.pid)
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    index.waiting.clear()
    index.stalled.clear()
    return running, Outcome(process.returncode, out, err)


# Of a killed command nothing is cleaned up: what it left must hold nothing.
@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
@pytest.mark.parametrize("carrier", ["netrc", "UV_DEFAULT_INDEX"])
def test_killed_commands_and_their_processes(
    guarded: Project, index: FakeIndex, carrier: str, resolver: str
) -> None:
    unrelated = {"AWS_SECRET_ACCESS_KEY": PASSWORD, "DOCKER_AUTH_CONFIG": "{}", "ENVBUILD_TEST": PASSWORD}
    known = carry(guarded, index, carrier).with_variables(**unrelated)
    known.write({"BUILD.yaml": host_target("alpha")})
    running, outcome = stop_at_the_rest(known, index, "lock", *TOLD, "--resolver", resolver)
    children = [each for each in running if "envbuild lock" not in each.command]
    assert len(children) >= 1
    assert not any(has_secret(each.command.encode(), SECRETS) for each in running)
    for child in children:
        assert not {*unrelated, "UV_DEFAULT_INDEX"} & set(child.environment)
    assert list((known.top / "tmp").iterdir()), "nothing was left: the kill came too late"
    known.succeed("lock")
    _, killed = stop_at_the_rest(known, index, "build", *TOLD)
    assert find_secrets(known, outcome, killed) == []


# A library that fails with all that it knows, as none does now.
CRASH = """
import urllib3
def send(self, method, url, **more):
    raise RuntimeError(f"{method} {url} {more} {self.headers} %s" % getattr(self, "proxy", ""))
urllib3.PoolManager.request = send
"""


def test_crash(guarded: Project, index: FakeIndex) -> None:
    known = carry(guarded, index, "PIP_INDEX_URL")
    known.succeed("lock")
    (known.top / "site").mkdir()
    (known.top / "site/sitecustomize.py").write_text(CRASH)
    outcome = known.with_variables(PYTHONPATH=str(known.top / "site")).run("build", *TOLD)
    assert outcome.code == 37
    assert "RuntimeError: GET " in outcome.err
    assert "Authorization': 'Basic ***'" in outcome.err
    assert find_secrets(known, outcome) == []


# A file that is committed is no place for a login; nor is the message that says so.
@pytest.mark.parametrize(
    "password", ["secret", "se:cret", "se/cret", "9/secret", "se?cret", "se#cret", "se@cret"]
)
def test_login_in_the_workspace(guarded: Project, index: FakeIndex, password: str) -> None:
    url = index.url.replace("://", f"://{USER}:{password}@")
    guarded.write({"envbuild.yaml": name_indexes(pypi=url)})
    for command in ("lock", "build", "info"):
        error = guarded.fail(2, command)
        assert error.startswith("envbuild.yaml:1:45: error: the URL h")
        assert "\nhint: " in error
        assert not has_secret(error.encode(), (USER, password, "cret"))


def test_login_in_a_requirement(guarded: Project, index: FakeIndex) -> None:
    url = with_login(index).replace("/simple", "/files/alpha-1.0-py3-none-any.whl")
    guarded.write({"BUILD.yaml": environment(pip=[f"alpha @ {url}"])})
    error = guarded.fail(2, "lock")
    assert "credentials" in error
    assert not has_secret(error.encode(), SECRETS)


@pytest.mark.parametrize(
    "command",
    [["info"], ["build", "--push"], ["push"], ["export", ":app", "--format", "oci-archive", "-o", "x"]],
)
def test_login_in_the_registry_s_name(guarded: Project, index: FakeIndex, command: list[str]) -> None:
    known = carry(guarded, index, "netrc")
    known.succeed("lock")
    for registry in (f"{USER}:{PASSWORD}@host.invalid", f"https://{USER}:{PASSWORD}@host.invalid/x"):
        for outcome in (
            known.run(*command, "--registry", registry),
            known.with_variables(ENVBUILD_REGISTRY=registry).run(*command),
        ):
            assert outcome.code == 2
            assert "error: the registry's name holds credentials" in outcome.err
            assert find_secrets(known, outcome) == []
