"""`build --push` and `push` once more: the registry is asked, nothing is read, and all as without a memo."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.makers.authority import make_authority
from tests.makers.base_images import Upstream, make_layer
from tests.makers.gate import Answer, Asked, Forward, Gate, TokenGuard, open_gate
from tests.makers.project import Outcome, Project, environment
from tests.makers.registry_content import read_tag
from tests.makers.secrets import find_in_folder
from tests.makers.servers import PASSWORD, USER
from tests.makers.ways import BY_GRAPH, BY_MEMO, WHOLE, ask, forget, settle

pytestmark = pytest.mark.services

BUILD = ("build", "//...", "--push")
PUSH = ("push", "//...")
POOL = "/envs/blobs/"
LAYER = make_layer({"etc/base": "of the base"})
IMAGE = "- dockerfile_image: {name: image, dockerfile: Dockerfile, context: .}\n"
FILES = {"src/a.py": "a", "one.txt": "1", "Dockerfile": "FROM scratch\nCOPY src /srv\nCOPY one.txt /one\n"}
AUTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def make_desk(project: Project, registry: str, **settings: object) -> Project:
    """A workspace that is locked, and old enough for a change to be seen."""
    stated = json.dumps({"registry": registry, **settings})
    project.write(
        {**FILES, "envbuild.yaml": stated, "BUILD.yaml": environment(files={"src/**": "/a"}) + IMAGE}
    )
    project.succeed("lock", "//...")
    settle(project)
    return project


@pytest.fixture
def gate(registry: str) -> Iterator[Gate]:
    with open_gate(Gate(registry)) as gate:
        yield gate


@pytest.fixture
def desk(project: Project, gate: Gate, tmp_path: Path) -> Project:
    """What it builds is in the registry, and it was asked for again."""
    make_desk(project, f"{gate.host}/{name_place(tmp_path)}")
    for command in (BUILD, PUSH):
        for more in ((), ("--output", "json")):
            project.succeed(*command, *more)
    gate.asked.clear()
    return project


def name_place(folder: Path) -> str:
    """A path in the registry of the test's own."""
    return folder.name.lower().strip("_")


def told(outcome: Outcome) -> object:
    """The result but for the time it took."""
    assert outcome.code == 0, outcome
    if not outcome.out.startswith("{"):
        return [line for line in outcome.out.splitlines() if not line.startswith("done in")]
    return {**outcome.json, "seconds": 0}


def errors(outcome: Outcome) -> tuple[int, str, str]:
    return outcome.code, outcome.out, "error: " + outcome.err.partition("error: ")[2]


def read(registry: str, repository: str) -> dict[str, Any]:
    found = Upstream(registry, repository).read_manifest("latest")
    assert found
    return found[1]


def repositories(project: Project, gate: Gate) -> list[str]:
    """Where the targets' images are."""
    place = json.loads((project.root / "envbuild.yaml").read_text())["registry"].partition("/")[2]
    targets = project.succeed("build", "//...", "--output", "json").json["targets"]
    found = [f"{place}/{each['image']}" for each in targets]
    assert all(read_tag(gate.upstream, each) for each in found)
    return found


def remove(gate: Gate, repository: str) -> None:
    Upstream(gate.upstream, repository).remove(str(read_tag(gate.upstream, repository)))


@pytest.mark.parametrize("command", [BUILD, PUSH])
@pytest.mark.parametrize("more", [(), ("--output", "json")])
def test_nothing_changed(desk: Project, gate: Gate, command: tuple[str, ...], more: tuple[str, ...]) -> None:
    found, way = ask(desk, *command, *more)
    assert way == BY_MEMO
    assert found.err == ""
    assert [asked.method for asked in gate.asked] == ["GET", "GET"]  # one for each image
    forget(desk)
    whole, way = ask(desk, *command, *more)
    assert way == WHOLE
    assert told(found) == told(whole)


@pytest.mark.parametrize(("command", "more"), [(BUILD, ("--output", "json")), (BUILD, ()), (PUSH, ())])
def test_what_was_deleted_is_pushed_again(
    desk: Project, gate: Gate, command: tuple[str, ...], more: tuple[str, ...]
) -> None:
    first, second = repositories(desk, gate)
    remove(gate, second)
    found, way = ask(desk, *command, *more)
    assert way == (BY_GRAPH if command is BUILD else WHOLE)
    assert read_tag(gate.upstream, second)
    remove(gate, second)
    forget(desk)
    whole, _ = ask(desk, *command, *more)
    assert told(found) == told(whole)
    assert read_tag(gate.upstream, first)


@pytest.mark.parametrize("command", [BUILD, PUSH])
def test_a_tag_that_is_another_image_is_refused(desk: Project, gate: Gate, command: tuple[str, ...]) -> None:
    _, second = repositories(desk, gate)
    document = read(gate.upstream, second)
    document["annotations"] = {
        name: value.replace("sha256:", "sha256:0") if value.startswith("sha256:") else value
        for name, value in document["annotations"].items()
    }
    Upstream(gate.upstream, second).put_manifest(document, "latest")
    found, _ = ask(desk, *command)
    assert found.code == 4
    assert "is another image" in found.err
    forget(desk)
    assert errors(found) == errors(ask(desk, *command)[0])


@pytest.mark.parametrize("command", [BUILD, PUSH])
def test_another_image_of_the_same_definition_is_adopted(
    desk: Project, gate: Gate, command: tuple[str, ...]
) -> None:
    first, _ = repositories(desk, gate)
    # The same document, written in another way.
    other = Upstream(gate.upstream, first).put_manifest(read(gate.upstream, first), "latest")["digest"]
    for _ in range(2):
        found, way = ask(desk, *command, "--output", "json")
        assert way != BY_MEMO
        target = found.json["targets"][0]
        assert (target["digest"], target["platforms"]) == (other, [])
    forget(desk)
    assert told(found) == told(ask(desk, *command, "--output", "json")[0])


def test_an_image_that_only_the_registry_has(desk: Project, gate: Gate) -> None:
    """Of another machine, as it were."""
    desk.succeed("clean", "--all")
    whole, way = ask(desk, *BUILD, "--output", "json")
    assert way == WHOLE
    assert desk.images() == []
    found, way = ask(desk, *BUILD, "--output", "json")
    assert way == BY_MEMO
    assert told(found) == told(whole)
    desk.succeed("build", "//...", "--output", "json")  # then the store has it, too
    again, way = ask(desk, *BUILD, "--output", "json")
    assert way != BY_MEMO
    assert all(each["platforms"] for each in again.json["targets"])


@pytest.mark.parametrize(("command", "more"), [(BUILD, ()), (PUSH, ("--output", "json"))])
def test_a_registry_that_is_away(
    desk: Project, gate: Gate, command: tuple[str, ...], more: tuple[str, ...]
) -> None:
    gate.before = lambda asked: Answer(403, b"{}")
    found, way = ask(desk, *command, *more)
    assert (found.code, way) == (4, BY_MEMO)
    forget(desk)
    assert errors(found) == errors(ask(desk, *command, *more)[0])


def test_an_edited_file_is_built_and_pushed_by_the_graph(desk: Project, gate: Gate) -> None:
    desk.write({"src/a.py": "edited"})
    settle(desk)
    found, way = ask(desk, *BUILD, "--output", "json")
    assert way == BY_GRAPH
    assert [each["pushed"]["blobs"] for each in found.json["targets"]] == [2, 2]  # a layer and a config
    for repository in repositories(desk, gate):
        assert read_tag(gate.upstream, repository)
    again, way = ask(desk, *BUILD, "--output", "json")
    assert way == BY_MEMO
    whole, _ = ask(desk, *BUILD, "--output", "json", "--no-memo")
    assert told(again) == told(whole)


def test_what_is_pushed_by_the_graph_is_what_the_whole_command_pushes(
    desk: Project, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In two workspaces that push to two places, with the same edit."""
    folder = tmp_path_factory.mktemp("other")
    other = make_desk(Project(folder), f"{gate.host}/{name_place(folder)}")
    other.succeed(*BUILD)
    told_by = []
    for project, more in ((desk, ()), (other, ("--no-memo",))):
        project.write({"one.txt": "edited"})
        found, way = ask(project, *BUILD, "--output", "json", *more)
        assert way == (WHOLE if more else BY_GRAPH)
        place = json.loads((project.root / "envbuild.yaml").read_text())["registry"]
        told_by.append(json.loads(found.out.replace(place, "PLACE")) | {"seconds": 0})
    assert told_by[0] == told_by[1]


def stand_on(project: Project, base: Gate, destination: Gate, place: str) -> tuple[str, ...]:
    """A workspace whose image stands on one of a registry; gives the command that builds it."""
    Upstream(base.upstream, f"{place}/base").push(LAYER, tag="1")
    sources = [{"registry": {"name": "theirs", "host": base.host}}]
    make_desk(project, f"{destination.host}/{place}", sources=sources)
    build = f"- base_image: {{name: base, image: 'theirs//{place}/base:1'}}\n"
    build += IMAGE.replace("context: .", "context: ., contexts: {base: ':base'}")
    project.write({"BUILD.yaml": build, "Dockerfile": FILES["Dockerfile"].replace("scratch", "base")})
    project.succeed("lock", "//...")
    settle(project)
    command = ("build", ":image", "--push", "--output", "json")
    project.succeed(*command)
    project.write({"one.txt": "edited"})
    return command


def test_layers_of_a_base_in_the_same_registry_are_mounted(
    project: Project, gate: Gate, tmp_path: Path
) -> None:
    place = name_place(tmp_path)
    found, way = ask(project, *stand_on(project, gate, gate, place))
    assert way == BY_GRAPH
    assert found.target["pushed"]["mounted"] >= 1
    assert read_tag(gate.upstream, f"{place}/{found.target['image']}") == found.target["digest"]


def test_layers_of_a_base_that_nobody_mounts_are_fetched(
    project: Project, gate: Gate, registry: str, tmp_path: Path
) -> None:
    """From the registry that the workspace calls so, if the store has lost them."""
    place = name_place(tmp_path)
    with open_gate(Gate(registry)) as theirs:
        command = stand_on(project, theirs, gate, place)
        (project.cache / "blobs" / LAYER.descriptor["digest"].replace(":", "/")).unlink()
        theirs.asked.clear()
        gate.before = lambda asked: Answer(404) if "mount=" in asked.target or POOL in asked.path else None
        found, way = ask(project, *command)
    assert way == BY_GRAPH
    assert found.target["pushed"]["mounted"] == 0
    assert theirs.count("GET", LAYER.descriptor["digest"]) == 1
    assert read_tag(gate.upstream, f"{place}/{found.target['image']}") == found.target["digest"]


@pytest.mark.parametrize(
    "broken",
    [
        {"published": 7},
        {"published": {"destination": None, "tags": []}},
        {"published": {"destination": {"place": "no place", "access": {}, "home": ""}, "tags": []}},
        {"stated": {}},
    ],
)
def test_what_another_envbuild_remembered_is_asked_anew(desk: Project, broken: dict[str, object]) -> None:
    for path in (desk.cache / "memo").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_text()), **broken}))
    if "stated" in broken:
        desk.write({"one.txt": "edited"})
    found, way = ask(desk, *BUILD, "--output", "json")
    assert (found.code, way) == (0, WHOLE if "stated" in broken else BY_GRAPH)


# How the registry is reached.


@pytest.fixture
def guarded(registry: str) -> Iterator[Gate]:
    """A registry that wants tokens."""
    with open_gate(Gate(registry, before=TokenGuard(USER, PASSWORD))) as gate:
        yield gate


def log_in(project: Project, host: str, auth: str = AUTH) -> None:
    path = Path(project.environment["HOME"], ".docker/config.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def test_logins_are_looked_for_anew_and_kept_nowhere(project: Project, guarded: Gate, tmp_path: Path) -> None:
    make_desk(project, f"{guarded.host}/{name_place(tmp_path)}")
    log_in(project, guarded.host)
    project.succeed(*BUILD)
    assert ask(project, *BUILD)[1] == BY_MEMO
    assert find_in_folder(project.cache, [AUTH, PASSWORD, USER]) == []
    log_in(project, guarded.host, base64.b64encode(b"robin:wrong").decode())
    found, way = ask(project, *BUILD)
    assert (found.code, way) == (4, BY_MEMO)
    assert errors(found) == errors(ask(project, *BUILD, "--no-memo")[0])
    log_in(project, guarded.host)
    project.write({"one.txt": "edited"})
    found, way = ask(project, *BUILD)
    assert (found.code, way) == (0, BY_GRAPH)


@pytest.mark.parametrize(
    "login", [{"username_env": "CORP_USER", "password_env": "CORP_PASSWORD"}, {"login_file": "~/login"}]
)
def test_a_login_is_where_the_workspace_says(
    project: Project, guarded: Gate, tmp_path: Path, login: dict[str, str]
) -> None:
    source = {"registry": {"name": "corp", "host": guarded.host, **login}}
    make_desk(project, f"{guarded.host}/{name_place(tmp_path)}", sources=[source])
    Path(project.environment["HOME"], "login").write_text(f"{USER}:{PASSWORD}\n")
    known = project.with_variables(CORP_USER=USER, CORP_PASSWORD=PASSWORD)
    known.succeed(*BUILD)
    assert ask(known, *BUILD)[1] == BY_MEMO
    assert find_in_folder(project.cache, [PASSWORD, USER]) == []
    stranger = project.with_variables(HOME=str(tmp_path / "elsewhere"))
    for edit in ({}, {"one.txt": "edited"}):
        found, _ = ask(stranger.write(edit), *BUILD)
        assert found.code == 4
        assert errors(found) == errors(ask(stranger, *BUILD, "--no-memo")[0])
    assert ask(known, *BUILD)[0].code == 0


def test_plain_http_and_authorities(project: Project, registry: str, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority")
    tls = authority.vouch(tmp_path / "authority", "IP:0.0.0.0")

    def tell_scheme(asked: Asked, forward: Forward) -> Answer:
        return forward(
            Asked(asked.method, asked.target, {**asked.headers, "x-forwarded-proto": "https"}, asked.body)
        )

    with open_gate(Gate(registry, around=tell_scheme), tls) as gate:
        make_desk(project, f"{gate.host.replace('127.0.0.1', '0.0.0.0')}/{name_place(tmp_path)}")
        trusting = project.with_variables(SSL_CERT_FILE=str(authority.certificate))
        trusting.succeed(*BUILD)
        assert ask(trusting, *BUILD)[1] == BY_MEMO
        found, way = ask(project, *BUILD)
        assert (found.code, way) == (4, BY_MEMO)
        assert errors(found) == errors(ask(project, *BUILD, "--no-memo")[0])
