"""Dockerfiles through the command line: what runs again after a change, and what goes wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.makers.corpus import BASE, run_base
from tests.makers.debian import serve
from tests.makers.project import Project


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with run_base(tmp_path_factory.mktemp("dockerfile")) as project:
        yield project


@pytest.fixture
def project(shared: Project) -> Iterator[Project]:
    """A workspace with a base, and an empty context; only its cache knows other tests."""
    (shared.root / "context").mkdir()
    yield shared
    shutil.rmtree(shared.root / "context")


def image(text: str, **attributes: object) -> str:
    stated = {"name": "app", "context": "context", "contexts": {"base": ":base"}, **attributes}
    lines = "".join(f"      {line}\n" for line in text.splitlines())
    others = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in stated.items())
    return f"{BASE}- dockerfile_image:\n    dockerfile: |\n{lines}{others}"


def write(project: Project, text: str, files: dict[str, str] | None = None, **attributes: object) -> None:
    project.write({f"context/{name}": content for name, content in (files or {}).items()})
    (project.root / "BUILD.yaml").write_text(image(text, **attributes))


def events(project: Project, target: str = ":app") -> list[dict[str, Any]]:
    """How each action of a build that must succeed ended."""
    path = project.top / "events"
    project.succeed("build", target, "--no-memo", "--events", str(path))
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [event for event in found if event["event"] == "action_finished"]


def executed(project: Project) -> list[str]:
    """The Dockerfile's instructions that a build ran, and whether they made something new."""
    ran = [event for event in events(project) if event["source"] == "executed"]
    steps = [event for event in ran if event["mnemonic"] in ("RunStep", "CopyLayer")]
    return sorted(
        event["subject"].partition(": ")[2] + (" (unchanged)" if event["unchanged"] else "")
        for event in steps
    )


_STEPS = """\
FROM base
RUN mkdir /srv/a
COPY one /srv/one
RUN cp /srv/one /srv/two
COPY three /srv/three
RUN cat /srv/* > /all 2>&1 || true
ENV A=1
"""


def test_a_change_runs_what_is_below_it(project: Project) -> None:
    write(project, _STEPS, {"one": "1\n", "three": "3\n"})
    first = executed(project)
    assert len(first) == 5
    assert executed(project) == []
    project.write({"context/three": "changed\n"})
    assert executed(project) == ["COPY three /srv/three", "RUN cat /srv/* > /all 2>&1 || true"]
    project.write({"context/one": "changed\n"})
    assert executed(project) == [
        "COPY one /srv/one",
        "COPY three /srv/three (unchanged)",
        "RUN cat /srv/* > /all 2>&1 || true",
        "RUN cp /srv/one /srv/two",
    ]


def test_what_means_nothing_runs_nothing(project: Project) -> None:
    files = {"one": "means\n", "three": "nothing\n"}
    write(project, _STEPS, files)
    executed(project)
    other = "# a comment\n\n" + _STEPS.replace("RUN", "run").replace("COPY", "Copy").replace("ENV", "\n\nenv")
    write(project, other, files)
    assert executed(project) == []


def test_what_no_step_takes_runs_nothing(project: Project) -> None:
    """Names of stages, the order of arguments, labels, other stages, and what is in the context beside."""
    text = "FROM base AS {}\nARG A=1\nARG B=2\nLABEL a=1\nRUN echo $A > /a\n{}FROM {}\nCOPY one* /o/\n{}"
    write(project, text.format("made", "", "made", ""), {"one": "taken\n", "two": "not\n"})
    executed(project)
    unused = "FROM base\nRUN exit 1\n"
    other = text.replace("ARG A=1\nARG B=2\nLABEL a=1", "LABEL a=2\nARG B=2 A=1").replace("one*", "./one")
    write(
        project, other.format("renamed", unused, "renamed", "ARG LATE\n"), {".dockerignore": "# all\ntwo\n"}
    )
    context = project.root / "context"
    (context / "one").touch()
    (context / "one").chmod(0o600)
    (context / "two").rename(context / "three")
    assert executed(project) == []
    (context / "one").chmod(0o755)
    assert executed(project) == ["COPY ./one /o/"]


def test_configuration_makes_no_layer(project: Project) -> None:
    write(project, "FROM base\nRUN echo configured > /x\n")
    before = events(project)
    more = "ENV A=1\nUSER app\nCMD sleep 1\nLABEL a=b\nEXPOSE 80\nHEALTHCHECK CMD true\nSTOPSIGNAL 9\n"
    write(project, f"FROM base\nRUN echo configured > /x\n{more}")
    after = events(project)
    ran = {event["mnemonic"] for event in after if event["source"] == "executed"}
    assert ran <= {"Image", "CheckPaths"}
    assert len(after) == len(before)


# The first step runs again and makes the same: what stands on it is found by what it made.
def test_a_step_that_makes_the_same_stops_the_rebuild(project: Project) -> None:
    text = "FROM base\nRUN --mount=type=bind,target=/c sort /c/list > /sorted\nRUN wc -l < /sorted > /count\n"
    write(project, text, {"list": "b\na\n"})
    assert len(executed(project)) == 2
    project.write({"context/list": "a\nb\n"})
    ran = "RUN --mount=type=bind,target=/c sort /c/list > /sorted"
    assert executed(project) == [f"{ran} (unchanged)"]
    project.write({"context/list": "a\nb\n\n"})
    assert executed(project) == [ran, "RUN wc -l < /sorted > /count"]
    project.write({"context/list": "a\n\nb\n"})
    said = project.succeed("build", ":app", "--verbose").err
    assert f"{ran} (0." in said
    assert " s, unchanged)" in said


def test_a_step_that_fails(project: Project) -> None:
    write(project, "FROM base\nRUN echo why; exit 3\n")
    said = project.fail(1, "build", ":app")
    assert said.startswith("error: `RunStep BUILD.yaml:5: RUN echo why; exit 3` failed: ")
    assert "ended with exit code 3\n  why\n" in said


def test_a_base_without_a_shell(project: Project) -> None:
    write(project, "FROM scratch\nRUN echo nobody\n")
    said = project.fail(2, "build", ":app")
    assert said.startswith("BUILD.yaml:5: error: `RUN` in an empty root: its stage begins with `scratch`")
    write(project, "FROM scratch\nCOPY file /\nRUN echo nobody\n", {"file": "x"})
    said = project.fail(1, "build", ":app")
    assert "BUILD.yaml:6: RUN echo nobody" in said
    assert "`/bin/sh` is not there" in said


def test_a_process_left_behind_ends_with_its_step(project: Project) -> None:
    write(project, "FROM base\nRUN (sleep 1000; echo late > /late) & echo done > /done\nRUN ls / > /list\n")
    assert len(executed(project)) == 2


def test_a_context_with_what_nobody_can_copy(project: Project) -> None:
    """Sockets, pipes and devices are no part of a context, as with Docker."""
    context = project.root / "context"
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(context)
        server.bind("s")
        os.chdir(here)
    os.mkfifo(context / "pipe")
    write(project, 'FROM base\nCOPY . /c\nRUN ls /c > /list && test "$(cat /list)" = file\n', {"file": "x"})
    assert len(executed(project)) == 2
    write(project, "FROM base\nCOPY s /c\n")
    assert "`s` is not in the context" in project.fail(2, "build", ":app")


@pytest.mark.parametrize("name", [b"bad\xff.txt", b"link"])
def test_a_name_of_the_context_that_is_no_text(project: Project, name: bytes) -> None:
    """It harms nobody who does not copy it."""
    (project.root / "context" / os.fsdecode(name)).symlink_to(os.fsdecode(b"nowhere\xff"))
    write(project, "FROM base\nCOPY file /f\n", {"file": "beside"})
    for _ in range(2):
        project.succeed("build", ":app")
    write(project, "FROM base\nCOPY . /c\n")
    said = project.fail(2, "build", ":app")
    shown = "bad\\xff.txt" if name != b"link" else "nowhere\\xff"
    assert said.startswith(f"BUILD.yaml:5: error: the context has a name that is no UTF-8: `{shown}`\nhint: ")


def test_a_huge_file_of_the_context(project: Project) -> None:
    """What is ignored is not read: this file would take minutes."""
    with (project.root / "context/huge").open("wb") as file:
        file.truncate(1 << 42)
    write(project, "FROM base\nCOPY . /c\n", {".dockerignore": "huge\n", "file": "y"})
    assert executed(project) == ["COPY . /c"]


def test_a_dockerfile_on_an_image_and_the_other_way_round(project: Project) -> None:
    """What `contexts` names is a target, which may itself be made by a Dockerfile."""
    tool = {"name": "tool", "contexts": {"base": ":base"}, "dockerfile": "FROM base\nRUN echo tool > /tool\n"}
    write(project, "FROM tools\nRUN cat /tool > /copy\n", contexts={"tools": ":tool"})
    build_file = project.root / "BUILD.yaml"
    build_file.write_text(build_file.read_text() + f"- dockerfile_image: {json.dumps(tool)}\n")
    events(project)
    assert executed(project) == []


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL that serves it."""
    with serve(tmp_path) as (url, _):
        yield tmp_path, url


def add(url: str, data: bytes, more: str = "") -> str:
    """A Dockerfile that takes a file of the web by a variable, with the checksum of `data`."""
    checksum = hashlib.sha256(data).hexdigest()
    return (
        f"FROM base AS one\nENV FROM={url}\nFROM one\nARG NAME=tool.tar.gz\n"
        f"ADD --checksum=sha256:{checksum} $FROM/$NAME /opt/\n{more}"
    )


def test_a_file_of_the_web(project: Project, web: tuple[Path, str]) -> None:
    """It is locked with its size, fetched once, not unpacked, and needed by nobody once it is there."""
    folder, url = web
    data = gzip.compress(b"an archive stays one", mtime=0)
    (folder / "tool.tar.gz").write_bytes(data)
    look = "RUN stat -c '%%a %%u %%s' /opt/tool.tar.gz > /told && test \"$(cat /told)\" = '600 0 %d'\n"
    write(project, add(url, data, look % len(data)))
    assert "has no lock" in project.fail(3, "build", ":app")
    assert "+ tool.tar.gz" in project.succeed("lock", ":app").out
    (locked,) = project.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    assert (locked["kind"], locked["file"], locked["size"]) == ("file", f"{url}/tool.tar.gz", len(data))
    (folder / "tool.tar.gz").unlink()
    assert len(executed(project)) == 2
    (project.root / "app.lock.json").unlink()


def test_a_file_of_the_web_that_is_another(project: Project, web: tuple[Path, str]) -> None:
    folder, url = web
    (folder / "tool.tar.gz").write_bytes(b"replaced")
    write(project, add(url, b"stated"))
    said = project.fail(4, "lock", ":app")
    stated, found = (hashlib.sha256(data).hexdigest() for data in (b"stated", b"replaced"))
    assert said == (
        f"error: `{url}/tool.tar.gz` has the sha256 `{found}`, and `{stated}` is stated\n"
        "hint: look at what it is, and change `--checksum`\n"
    )


def test_another_checksum_makes_the_lock_stale(project: Project, web: tuple[Path, str]) -> None:
    folder, url = web
    (folder / "tool.tar.gz").write_bytes(b"one")
    write(project, add(url, b"one"))
    project.succeed("lock", ":app")
    write(project, add(url, b"two"))
    assert f"`{url}/tool.tar.gz` is not locked with its checksum" in project.fail(3, "build", ":app")
    write(project, "FROM base\nRUN --network=default true\n")
    assert f"`{url}/tool.tar.gz` is no longer asked for" in project.fail(3, "build", ":app")
    (project.root / "app.lock.json").unlink()


def test_an_upgrade_tells_that_steps_with_network_run_again(tmp_path: Path) -> None:
    stated = {"name": "app", "dockerfile": "FROM scratch\nRUN --network=default /tool\n"}
    project = Project(tmp_path).write(
        {"envbuild.yaml": "", "BUILD.yaml": f"- dockerfile_image: {json.dumps(stated)}\n"}
    )
    runs = "//:app  locked in app.lock.json\n  {} generation of steps with network {}\n"
    assert project.succeed("lock").out == runs.format("+", "1")
    assert project.succeed("lock").out == "//:app  is locked already\n"
    assert project.succeed("lock", "--upgrade").out == runs.format("~", "1 -> 2")


_PYTHON = (
    "FROM base\n"
    "RUN mkdir /usr/lib/x && printf 'GNU C Library (Test) version 2.36' > /usr/lib/x/libc.so.6\n"
    "RUN printf '\\0003.11.2\\000' > /usr/bin/python3.11 && chmod 755 /usr/bin/python3.11\n"
)


def write_environment(project: Project, text: str = _PYTHON, **attributes: object) -> None:
    stated = {"name": "app", "dockerfile": text, "contexts": {"base": ":base"}, **attributes}
    (project.root / "BUILD.yaml").write_text(f"{BASE}- environment: {json.dumps(stated)}\n")


def test_an_environment_on_a_dockerfile(project: Project) -> None:
    """What the steps made is stated, and the venv links to the interpreter that they made."""
    write_environment(project, libc="glibc 2.36", python="3.11", workdir="/srv")
    project.succeed("lock", ":app")
    ran = [event["mnemonic"] for event in events(project) if event["source"] == "executed"]
    assert {"RunStep", "CheckFacts", "VenvLayer", "Image"} <= set(ran)
    assert events(project) == []
    (project.root / "app.lock.json").unlink()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"libc": "glibc 2.31"}, "the target states `libc: glibc 2.31`, but its image has `glibc 2.36`"),
        ({"python": "3.12"}, "the target states `python: 3.12`, but its image has `3.11.2`"),
        (
            {"interpreter": "/opt/python"},
            "the target states `interpreter: /opt/python`, but its image has `/usr/bin/python3.11`",
        ),
    ],
)
def test_an_image_that_is_not_as_stated(project: Project, attributes: dict[str, str], message: str) -> None:
    write_environment(project, **{"libc": "glibc 2.36", "python": "3.11", **attributes})
    project.succeed("lock", ":app")
    said = project.fail(1, "build", ":app")
    assert said.startswith(f"error: `CheckFacts //:app` failed: {message}\nhint: state what the Dockerfile")
    (project.root / "app.lock.json").unlink()


def write_on_steps(project: Project, text: str = _PYTHON, **attributes: object) -> None:
    """`:app` on the target `:made`, which the steps of a Dockerfile made."""
    made = {"name": "made", "dockerfile": text, "contexts": {"base": ":base"}}
    stated = {"name": "app", "base": ":made", **attributes}
    targets = [{"dockerfile_image": made}, {"environment": stated}]
    (project.root / "BUILD.yaml").write_text(BASE + "".join(f"- {json.dumps(each)}\n" for each in targets))


STATED = {"libc": "glibc 2.36", "python": "3.11"}


def test_an_environment_on_what_steps_made(project: Project) -> None:
    """A target's steps as well as its own: what they may have changed is stated, and checked after."""
    write_on_steps(project)
    said = project.fail(2, "lock", ":app")
    assert "its base `//:made` has no Python\nhint: state what its steps make: `libc: glibc 2.36`" in said
    write_on_steps(project, f"{_PYTHON}RUN echo no other test > /made\n", **STATED)
    project.succeed("lock", ":app")
    ran = [event["mnemonic"] for event in events(project) if event["source"] == "executed"]
    assert ran.count("CheckFacts") == 1
    child = {"environment": {"name": "child", "base": ":app"}}
    build_file = project.root / "BUILD.yaml"
    build_file.write_text(build_file.read_text() + f"- {json.dumps(child)}\n")
    project.succeed("lock", ":child")
    # That of `:app`: nothing lies between them.
    assert project.succeed("aquery", ":child").out.count("CheckFacts //:app\n") == 1
    assert "CheckFacts //:child" not in project.succeed("aquery", ":child").out
    write_on_steps(project, libc="glibc 2.36", python="3.12")
    project.succeed("lock", ":app")
    said = project.fail(1, "build", ":app")
    assert "the target states `python: 3.12`, but its image has `3.11.2`" in said
    for name in ("app", "child"):
        (project.root / f"{name}.lock.json").unlink()


def test_steps_on_an_environment_that_change_its_python(project: Project) -> None:
    """An environment that shares the prefix of the one below has no venv of its own, but a check."""
    write_on_steps(project, **STATED)
    above = "FROM app\nRUN rm /usr/bin/python3.11 && printf '\\0003.12.1\\000' > /usr/bin/python3.12\n"
    targets = [
        {"dockerfile_image": {"name": "other", "dockerfile": above, "contexts": {"app": ":app"}}},
        {"environment": {"name": "on-target", "base": ":other"}},
        {"environment": {"name": "own", "dockerfile": above, "contexts": {"app": ":app"}, **STATED}},
    ]
    build_file = project.root / "BUILD.yaml"
    build_file.write_text(build_file.read_text() + "".join(f"- {json.dumps(each)}\n" for each in targets))
    project.succeed("lock", "//...")
    for name in ("on-target", "own"):
        said = project.fail(1, "build", f":{name}")
        assert f"`CheckFacts //:{name}` failed: the target states `python: 3.11" in said
        assert "but its image has `3.12.1`" in said
    for name in ("app", "on-target", "own"):
        (project.root / f"{name}.lock.json").unlink()


@pytest.mark.parametrize("where", ["base", "dockerfile"])
def test_an_unmanaged_interpreter_that_steps_should_have_made(project: Project, where: str) -> None:
    write_it = write_on_steps if where == "base" else write_environment
    write_it(project, interpreter={"path": "/usr/bin/python3.11", "managed": False})
    project.succeed("build", ":app")
    write_it(project, interpreter={"path": "/opt/python", "managed": False})
    said = project.fail(1, "build", ":app")
    assert "the target states `interpreter: /opt/python`, but its image has none there" in said


_TWO_PYTHONS = (
    _PYTHON + "RUN printf '\\0003.12.4\\000' > /usr/bin/python3.12 && chmod 755 /usr/bin/python3.12\n"
)


def test_one_of_several_interpreters_that_steps_made(project: Project) -> None:
    """Not only the one that a search for `python3` would find."""
    for version in ("3.11.2", "3.12.4"):
        write_environment(project, _TWO_PYTHONS, libc="glibc 2.36", python=version)
        project.succeed("lock", ":app")
        project.succeed("build", ":app")
    (project.root / "app.lock.json").unlink()


def test_what_an_environment_on_a_dockerfile_must_state(project: Project) -> None:
    write_environment(project)
    said = project.fail(2, "lock", ":app")
    assert "on a Dockerfile that runs steps, nothing tells the target's C library and Python" in said
    write_environment(project, base=":base")
    assert "it has both `base` and `dockerfile`" in project.fail(2, "lock", ":app")
    (project.root / "BUILD.yaml").write_text("- environment: {name: app}\n")
    assert "it has neither `base` nor `dockerfile`" in project.fail(2, "lock", ":app")
    write_environment(project, "FROM base\nENV A=1\n")
    assert "its base `Dockerfile` has no Python" in project.fail(2, "lock", ":app")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "FROM base\nRUN --security=insecure true\n",
            "BUILD.yaml:5: error: `RUN --security=insecure` is not",
        ),
        ("FROM base\nCOPPY a b\n", "BUILD.yaml:5: error: `COPPY` is no instruction of a Dockerfile"),
        (
            "FROM base\nADD git@example.org:a/b.git /x\n",
            "BUILD.yaml:5: error: `ADD git@example.org:a/b.git` of a",
        ),
        ("FROM base\nADD https://a.example/b /x\n", "BUILD.yaml:5: error: `ADD https://a.example/b` has no"),
        ("FROM base\nADD --checksum=md5:1 http://a.example/b /x\n", "BUILD.yaml:5: error: `ADD http://a.ex"),
        *(
            (
                f"FROM base\nADD {source} /x\n",
                f"BUILD.yaml:5: error: `ADD {source}` of a git repository is not supported",
            )
            for source in ("https://a.example/b.git", "https://a.example/b.git#v1", "ssh://a.example/b")
        ),
        ("FROM base\nRUN --device=gpu true\n", "BUILD.yaml:5: error: `RUN` with `--device` is not supported"),
        ("FROM base\nRUN --mount=type=ssh true\n", "BUILD.yaml:5: error: a mount of type `ssh` is not"),
        ("FROM base\n\nCOPY a[ /x\n", "BUILD.yaml:6: error: `a[` is no pattern: a bracket is not closed"),
        ("FROM base\n\nCOPY nothing /x\n", "BUILD.yaml:6: error: `nothing` is not in the context"),
        ("FROM base\nCOPY --from=2 a /x\n", "BUILD.yaml:5: error: there is no stage 2 above"),
        ("RUN true\nFROM base\n", "BUILD.yaml:4: error: `RUN` stands before the first FROM"),
        ("FROM base\nEXPOSE http\n", "BUILD.yaml:5: error: `http` is no port"),
        ("ARG V\nFROM $V\n", "BUILD.yaml:5: error: `FROM $V` names nothing\nhint: give its ARG a default"),
        ("FROM base\nENV A=${B:^}\n", "BUILD.yaml:5: error: `^` is no modifier of a variable"),
    ],
)
def test_what_is_refused(project: Project, text: str, message: str) -> None:
    write(project, text)
    said = project.run("build", ":app")
    assert said.code == 2, said
    assert said.err.startswith(message), said


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"target": "fin"}, "`//:app`: the Dockerfile has no stage `fin`\nhint: did you mean `final`?"),
        ({"args": {"V": "1"}}, "`//:app`: the Dockerfile has no argument `V`\nhint: add `ARG V`"),
    ],
)
def test_what_the_dockerfile_does_not_have(project: Project, stated: dict[str, Any], message: str) -> None:
    """The fault is the target's, of which a command may have many."""
    write(project, "FROM base AS final\n", **stated)
    said = project.fail(2, "build", "//...")
    assert said.startswith("BUILD.yaml:2:3: error: ")
    assert message in said


def test_a_lock_that_nobody_needs_is_not_read(project: Project) -> None:
    write(project, "FROM scratch\nCOPY . /\n")
    project.write({"app.lock.json": "broken\n"}).succeed("build", ":app")
