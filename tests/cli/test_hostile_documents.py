"""Documents that nobody means well with: what is said of them, and that a terminal obeys none of it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from envbuild.oci.descriptor import MANIFEST
from tests.makers.documents import LIE
from tests.makers.faulty import ENDLESS, File, Plan, Site, run_site
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.index import FakeIndex, IndexedFile, make_package
from tests.makers.project import Outcome, Project, environment

TITLE, CLEAR = "\x1b]0;title\x07", "\x1b[2J"
LONG = "x" * 5000
BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    return project


def require_plain(outcome: Outcome) -> None:
    """Nothing but text and line ends was said, and nothing that passes for a line of ours."""
    for text in (outcome.out, outcome.err):
        assert all(char.isprintable() or char == "\n" for char in text), outcome
        assert LIE not in text


SPECS = {
    "a bomb of aliases": (BOMB, "BUILD.yaml:1:5: error: anchors and aliases are not supported\n"),
    "nested without end": ("[" * 100_000, "BUILD.yaml:1:17: error: nested deeper than 16 levels\n"),
    "too large": ("# " + " " * 1_000_000, "BUILD.yaml: error: the file is larger than 1000000 bytes\n"),
    "a control character": (
        f"- environment: {CLEAR}",
        "BUILD.yaml:1:16: error: a control character\nhint: remove it",
    ),
    "an escaped one": (environment(name=TITLE), r"error: `\x1b]0;title\x07` is not a target's name"),
    "a line of its own": (environment(name=f"a{LIE}"), r"error: `a\nhint: run this` is not a target's name"),
    "a name without end": (environment(name=LONG), f"error: `{'x' * 80}...` is not a target's name\n"),
    "a base without end": (environment(base=f"//{LONG}:x"), f"error: `//{'x' * 78}...` is not a label\n"),
    "a wheel without end": (
        environment(wheels=[f"{LONG}.whl"]),
        f"error: there is no file `{'x' * 80}...`\n",
    ),
    "a file without end": (
        environment(pip=[f"{LONG}.txt"]),
        f"error: `{'x' * 80}...` is no path of a file\n",
    ),
    "a C library that would take for ever": (
        environment(libc="glibc 2.99999999"),
        "unknown libc `glibc 2.99999999`",
    ),
    "a Python that would": (environment(python="3.99999999"), "`3.99999999` is no Python version"),
    "a requirement without end": (
        environment(pip=[f"a>={'9' * 5000}"]),
        "printable text of at most 4096 characters",
    ),
    "a marker without end": (
        environment(pip=[f"a; {'(' * 2000}os_name == 'x'{')' * 2000}"]),
        "its marker is nested too deeply\n",
    ),
}


@pytest.mark.parametrize("case", SPECS)
def test_build_files(project: Project, case: str) -> None:
    text, error = SPECS[case]
    project.write({"BUILD.yaml": text})
    assert error in project.fail(2, "lock")
    require_plain(project.run("lock", "--output", "json"))


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (f"kind('{'(' * 3000}{')' * 3000}', //...)", "is no regular expression: it is nested too deeply"),
        ("kind('a{99999999999}', //...)", "is no regular expression: it is nested too deeply"),
        (f"//{LONG}", f"`//{'x' * 78}...` is not a label\n"),
    ],
)
def test_queries(project: Project, query: str, error: str) -> None:
    project.write({"BUILD.yaml": environment()})
    assert error in project.fail(2, "query", query)
    require_plain(project.run("query", query))


# As a program may write it.
def test_long_query(project: Project) -> None:
    project.write({"BUILD.yaml": environment()})
    assert project.succeed("query", " + ".join(["//:app"] * 10_000)).out == "//:app\n"


Change = Callable[[str], str]
LOCKS: dict[str, tuple[Change, str]] = {
    "nested without end": (lambda text: "[" * 100_000, "it is no JSON in UTF-8, or nested too deeply"),
    "a number without end": (
        lambda text: text.replace('"schema": 1', '"schema": ' + "9" * 5000),
        "it is no JSON in UTF-8, or nested too deeply",
    ),
    "a name that clears the screen": (
        lambda text: text.replace('"name": "alpha"', r'"name": "alpha\u001b[2J"'),
        "package name is not a text",
    ),
    "a key that looks like a hint": (
        lambda text: text.replace('"rule"', r'"a\nhint: run this": 1, "rule"'),
        r"the lock has an unknown key `a\nhint: run this`",
    ),
    "inputs that set the title": (
        lambda text: text.replace('"alpha"\n    ]', r'"\u001b]0;title\u0007"' + "\n    ]"),
        "its inputs hold something else than texts and integers",
    ),
    "a kind that is a list": (
        lambda text: text.replace('"kind": "wheel"', '"kind": []'),
        "the artifact `alpha` is of an unknown kind",
    ),
}


@pytest.mark.parametrize("case", LOCKS)
def test_locks(locked: Project, case: str) -> None:
    change, text = LOCKS[case]
    right = (locked.root / "app.lock.json").read_text()
    assert change(right) != right
    locked.write({"app.lock.json": change(right)})
    error = f"error: `app.lock.json` is broken: {text}\nhint: run `envbuild lock //:app`\n"
    for command in (("build",), ("lock", "--check"), ("aquery",)):
        assert locked.fail(3, *command) == error
    # The hint holds, and what it says is plain, too.
    mended = locked.succeed("lock")
    require_plain(mended)
    assert f"because `app.lock.json` is broken: {text}\n" in mended.out
    assert (locked.root / "app.lock.json").read_text() == right


def test_lock_without_end(locked: Project) -> None:
    with (locked.root / "app.lock.json").open("wb") as file:
        file.truncate(1 << 40)
    error = "error: `app.lock.json` is broken: it is over 64 MB\nhint: run `envbuild lock //:app`\n"
    outcome = locked.run("build")
    assert (outcome.code, outcome.out, outcome.err) == (3, "", error)
    locked.succeed("lock")
    locked.succeed("build")


# What no resolver wrote, in a lock that is valid otherwise.
def test_edges_that_are_none(locked: Project) -> None:
    lock = locked.lock("app")
    lock["platforms"]["linux/amd64"]["artifacts"][0]["requires"] = ["((("]
    locked.write({"app.lock.json": json.dumps(lock)})
    error = locked.fail(3, "build")
    assert "  it states a dependency that is none: `(((` is no requirement: " in error
    assert error.endswith("hint: run `envbuild lock //:app`\n")


@pytest.mark.parametrize("form", ["html", "json"])
def test_index_pages_with_control_characters(project: Project, index: FakeIndex, form: str) -> None:
    """What they offer under such names is passed over; the right file is found among them."""
    index.json = form == "json"
    index.add(make_package("alpha"))
    for name in (
        f"alpha-2.0{TITLE}-py3-none-any.whl",
        f"alpha-3.0-py3-none-any{CLEAR}.whl",
        f"alpha{CLEAR}-4.0.tar.gz",
    ):
        index.files["alpha"].append(IndexedFile(name, b"", "0" * 64))
    project.write({"BUILD.yaml": environment(pip=["alpha"])})
    for outcome in (project.succeed("lock", "-v"), project.succeed("build", "-v")):
        require_plain(outcome)
    (artifact,) = project.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    assert artifact["file"] == "alpha-1.0-py3-none-any.whl"
    index.files["alpha"] = index.files["alpha"][1:]
    outcome = project.run("lock", "--upgrade")
    assert outcome.code == 2
    require_plain(outcome)


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
@pytest.mark.parametrize(
    "edge", [f"beta{TITLE}", f"beta==={CLEAR}", "beta; " + "(" * 2000 + "os_name=='x'" + ")" * 2000]
)
def test_metadata_that_no_tool_reads(project: Project, index: FakeIndex, edge: str, resolver: str) -> None:
    """A resolver refuses or passes over such a dependency; a lock that results can be read again."""
    index.add(make_package("alpha", requires=[edge], python=f">=3{CLEAR}" if edge[4] == "=" else ""))
    project.write({"BUILD.yaml": environment(pip=["alpha"])})
    outcome = project.run("lock", "--resolver", resolver)
    require_plain(outcome)
    if outcome.code:
        assert outcome.code == 2, outcome
    else:
        project.succeed("lock", "--check")


def answer_of(locked: Project, answer: Answer) -> str:
    """What a push says, and the registry's host is `HOST`; nothing may be built for it."""
    with open_gate(Gate("", before=lambda asked: answer)) as gate:
        outcome = locked.run("build", "--push", "--registry", gate.host)
        host = gate.host
    assert outcome.code == 4, outcome
    require_plain(outcome)
    assert locked.images() == []
    return outcome.err.replace(host, "HOST")


BODY = json.dumps({"schemaVersion": 2, "config": {}, "layers": []}).encode()
REGISTRY_ANSWERS = {
    "a huge manifest": (
        Answer(200, bytes(5 << 20), {"Content-Type": MANIFEST}),
        "answered with more than the 4194304 bytes expected\n",
    ),
    "other bytes than it says": (
        Answer(200, BODY, {"Content-Type": MANIFEST, "Docker-Content-Digest": f"sha256:{'0' * 64}"}),
        "/manifests/latest` has other bytes than its digest says\n",
    ),
    "a digest of another kind": (
        Answer(200, BODY, {"Content-Type": MANIFEST, "Docker-Content-Digest": "md5:0"}),
        "the registry answered no sha256 digest\n",
    ),
    "a media type that clears the screen": (
        Answer(200, BODY, {"Content-Type": f"a/{CLEAR}"}),
        r"is no image of ours: its media type is `a/\x1b[2J`" + "\n",
    ),
    "an error that sets the title": (
        Answer(403, json.dumps({"errors": [{"code": f"DENIED{TITLE}", "message": TITLE + LIE}]}).encode()),
        "the registry answered 403 (forbidden)\n",
    ),
    "a redirect to no host": (
        Answer(302, b"", {"Location": "http://a\x1b/"}),
        "is no URL that can be asked\n",
    ),
}


@pytest.mark.parametrize("case", REGISTRY_ANSWERS)
def test_registry_answers(locked: Project, case: str) -> None:
    answer, text = REGISTRY_ANSWERS[case]
    assert text in answer_of(locked, answer)


def test_manifest_without_end(locked: Project) -> None:
    (target,) = locked.succeed("aquery", "--output", "json").json["targets"]
    files = {f"/v2/{target['image']}/manifests/latest": File(b"{", MANIFEST)}
    with run_site(Site(files, plans=[Plan(lambda asked: True, ENDLESS)])) as site:
        error = locked.fail(4, "build", "--push", "--registry", site.url.removeprefix("http://"))
    assert "answered with more than the 4194304 bytes expected\n" in error


def test_redirects_to_another_host_get_no_login(locked: Project) -> None:
    """Neither a password nor what a token server gave for it, nor the form that asks for a token."""
    with open_gate(Gate("", before=lambda asked: Answer(404))) as other:

        def answer(asked: Asked) -> Answer:
            if "authorization" not in asked.headers:
                return Answer(401, b"{}", {"WWW-Authenticate": "Basic realm=x"})
            return Answer(307, b"", {"Location": f"http://{other.host}{asked.target}"})

        with open_gate(Gate("", before=answer)) as gate:
            known = {"auths": {gate.host: {"username": "robin", "password": "s3cret"}}}
            pushing = locked.with_variables(DOCKER_AUTH_CONFIG=json.dumps(known))
            assert pushing.run("build", "--push", "--registry", gate.host).code == 4
            assert any("authorization" in asked.headers for asked in gate.asked)
        assert other.asked
        assert not any("authorization" in asked.headers for asked in other.asked)


def test_token_form_that_is_redirected(locked: Project) -> None:
    with open_gate(Gate("", before=lambda asked: Answer(200, b'{"token": "t"}'))) as other:

        def answer(asked: Asked) -> Answer:
            if asked.path == "/token":
                return Answer(307, b"", {"Location": f"http://{other.host}/token"})
            realm = f'Bearer realm="http://{asked.headers["host"]}/token",service="x"'
            return Answer(401, b"{}", {"WWW-Authenticate": realm})

        with open_gate(Gate("", before=answer)) as gate:
            known = {"auths": {gate.host: {"identitytoken": "a-refresh-token"}}}
            pushing = locked.with_variables(DOCKER_AUTH_CONFIG=json.dumps(known))
            error = pushing.fail(4, "build", "--push", "--registry", gate.host)
            assert (
                f"`http://{gate.host}/token` redirects what was sent to it to `http://{other.host}/token`"
                in error
            )
        assert other.asked == []


# Colours and the live view are drawn, of which nothing is a title or a beep.
def test_what_a_terminal_gets(locked: Project, index: FakeIndex) -> None:
    right = (locked.root / "app.lock.json").read_text()
    locked.write({"app.lock.json": right.replace('"rule"', r'"\u001b]0;title\u0007": 1, "rule"')})
    shown = run_in_terminal(locked, "lock") + run_in_terminal(locked, "build")
    assert b"unknown key `\\x1b]0;title\\x07`" in shown
    assert b"\x1b]" not in shown
    assert b"\x07" not in shown


def run_in_terminal(project: Project, *arguments: str) -> bytes:
    """All that a terminal is told by a command, to which it stands for everything."""
    ours, theirs = pty.openpty()
    variables = {**project.environment, "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "envbuild", *arguments]
    with subprocess.Popen(command, cwd=project.root, env=variables, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux tells so that nobody has the other end any more
            while data := os.read(ours, 1 << 16):
                shown += data
    os.close(ours)
    assert process.returncode == 0, shown
    return shown
