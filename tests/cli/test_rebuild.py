"""A build after edits of files whose digests alone matter: by the graph that was kept, and no other one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from envbuild.core.digest import Digest
from tests.makers import ways
from tests.makers.debian import entry, make_tar
from tests.makers.project import Project, environment
from tests.makers.ways import settle

ASK = ("build", "//...", "--output", "json")
DOCKERFILE = "FROM scratch\nCOPY src /srv\nCOPY one.txt /one\nCOPY src/run.sh /run\n"
IMAGE = "- dockerfile_image: {name: image, dockerfile: Dockerfile, context: .}\n"


@pytest.fixture
def desk(project: Project) -> Project:
    files = {"src/a.py": "a", "src/run.sh": "#!/bin/sh\n", "one.txt": "1", ".dockerignore": "*.md\n"}
    app = environment(files={"src/**": "/src", "one.txt": "/one"})
    project.write({**files, "Dockerfile": DOCKERFILE, "envbuild.yaml": "", "BUILD.yaml": app + IMAGE})
    project.succeed("lock", "//...")
    settle(project)
    project.succeed(*ASK)
    return project


def ask(project: Project, *arguments: str) -> tuple[dict[str, Any], bool]:
    """The answer, and whether it was found without reading a spec."""
    found, way = ways.ask(project, *arguments)
    assert found.code == 0, found
    return found.json, way != ways.WHOLE


def images(answer: Mapping[str, Any]) -> list[str]:
    return [f"{each['label']} {each['image']} {each['digest']}" for each in answer["targets"]]


def edit(project: Project, name: str, text: str) -> None:
    project.write({name: text})


def test_an_edited_file_is_built_without_a_look_at_the_spec(desk: Project) -> None:
    edit(desk, "src/a.py", "edited")
    answer, kept = ask(desk, *ASK)
    assert kept
    whole, spared = ask(desk, *ASK, "--no-memo")
    assert not spared
    assert images(answer) == images(whole)
    statuses = [(each["status"], each["actions"]["executed"]) for each in answer["targets"]]
    # The files' layer or the first COPY, the check of paths where there are parts, and the image.
    assert [status for status, _ in statuses] == ["built", "built"]
    assert all(0 < executed <= 4 for _, executed in statuses)


def test_the_report_says_what_the_whole_command_would(desk: Project) -> None:
    edit(desk, "one.txt", "2")
    answer, kept = ask(desk, *ASK)
    assert kept
    settle(desk)
    again, _ = ask(desk, *ASK, "--no-memo")
    for each in (*answer["targets"], *again["targets"]):
        for name in ("status", "actions"):
            each.pop(name)
    assert answer["targets"] == again["targets"]


def test_it_is_remembered_once_the_file_is_old_enough(desk: Project) -> None:
    edit(desk, "src/a.py", "edited")
    settle(desk)
    ask(desk, *ASK)
    answer, _ = ask(desk, *ASK)
    assert [each["status"] for each in answer["targets"]] == ["exists", "exists"]
    edit(desk, "src/a.py", "edited again")
    answer, kept = ask(desk, *ASK)
    assert kept
    assert images(answer) == images(ask(desk, *ASK, "--no-memo")[0])


def test_an_edit_taken_back_is_there(desk: Project) -> None:
    before, _ = ask(desk, *ASK)
    edit(desk, "src/a.py", "edited")
    ask(desk, *ASK)
    edit(desk, "src/a.py", "a")
    answer, kept = ask(desk, *ASK)
    assert kept
    assert images(answer) == images(before)
    assert [each["status"] for each in answer["targets"]] == ["exists", "exists"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Dockerfile", DOCKERFILE + "LABEL a=b\n"),
        (".dockerignore", "*.txt\n!one.txt\n"),
        ("BUILD.yaml", environment(files={"src/**": "/elsewhere"}) + IMAGE),
        ("envbuild.yaml", "epoch: 1000000000\n"),
        ("src/new.py", "new"),
        ("app.lock.json", None),
    ],
)
def test_whatever_is_read_is_read_again(desk: Project, name: str, text: str | None) -> None:
    path = desk.root / name
    edit(desk, name, path.read_text() + "\n" if text is None else text)
    answer, kept = ask(desk, *ASK)
    assert not kept
    assert images(answer) == images(ask(desk, *ASK, "--no-memo")[0])


def test_what_a_rule_of_the_workspace_makes_of_a_file_is_asked_anew(desk: Project) -> None:
    rule = """\
    from envbuild.rule import Config, attr, rule


    @rule(attributes={"file": attr.file(doc="a file"), "base": attr.label(required=True, doc="a base")})
    def labelled(ctx):
        digest = ctx["file"].digest.hash
        return ctx.image([], Config(labels={"digest": digest}), base=ctx.dependency("base"))
    """
    own = "- labelled: {name: top, base: ':app', file: one.txt}\n"
    build = (desk.root / "BUILD.yaml").read_text()
    desk.write(
        {
            "build_rules/labelled.py": rule,
            "BUILD.yaml": build + own,
            "envbuild.yaml": "rules: [build_rules]\n",
        }
    )
    settle(desk)
    other = ("build", ":app", ":image", "--output", "json")  # these stand on no rule of the workspace's own
    for asked in (ASK, other):
        desk.succeed(*asked)
    edit(desk, "one.txt", "2")
    for asked in (ASK, other):
        answer, kept = ask(desk, *asked)
        assert kept is (asked is other)
        assert images(answer) == images(ask(desk, *asked, "--no-memo")[0])


def test_a_missing_blob_is_made_again(desk: Project) -> None:
    (desk.cache / "blobs").rename(desk.cache / "gone")
    edit(desk, "src/a.py", "edited")
    answer, kept = ask(desk, *ASK)
    assert not kept
    assert images(answer) == images(ask(desk, *ASK, "--no-memo")[0])


@pytest.mark.parametrize("more", [(), ("--keep-going",)])
def test_a_damaged_blob_is_made_again(desk: Project, more: tuple[str, ...]) -> None:
    desk.succeed(*ASK, *more)
    script = (
        desk.cache / "blobs/sha256" / Digest.of(b"#!/bin/sh\n").hash
    )  # which is read beside what is edited
    script.chmod(0o644)
    script.write_bytes(bytes(script.stat().st_size))
    edit(desk, "src/a.py", "edited")
    answer, kept = ask(desk, *ASK, *more)
    assert not kept
    elsewhere = str(desk.top / "elsewhere")
    assert images(answer) == images(ask(desk, *ASK, "--no-memo", "--cache-dir", elsewhere)[0])


def test_the_words_of_a_failure_after_an_edit(desk: Project) -> None:
    """A file that becomes what its layer cannot have: the graph is the same, and the build fails."""
    edit(desk, "Dockerfile", "FROM scratch\nADD src/archive.tar /srv/\n")
    desk.write({"src/archive.tar": "no archive"})
    settle(desk)
    desk.succeed("build", ":image")
    (desk.root / "src/archive.tar").write_bytes(make_tar([entry("../outside")]))
    error = desk.fail(1, "build", ":image")
    assert "`CopyLayer Dockerfile:2: ADD src/archive.tar /srv/` failed" in error
    assert desk.fail(1, "build", ":image", "--no-memo") == error


@pytest.mark.parametrize(
    "stated", [{}, {"manner": {"jobs": 1, "unknown": 2}, "options": {}, "image": "x"}, []]
)
def test_what_another_envbuild_was_asked_is_asked_anew(desk: Project, stated: object) -> None:
    (place,) = (desk.cache / "memo").glob("*.graph.json")
    place.write_text(json.dumps({**json.loads(place.read_text()), "stated": stated}))
    edit(desk, "src/a.py", "edited")
    answer, kept = ask(desk, *ASK)
    assert not kept
    assert images(answer) == images(ask(desk, *ASK, "--no-memo")[0])
