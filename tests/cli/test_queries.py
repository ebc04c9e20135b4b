"""Questions about targets and actions."""

from __future__ import annotations

import json

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment


@pytest.fixture
def asked(project: Project) -> Project:
    """Two apps on one base; nothing is locked, and nothing need be."""
    return project.write(
        {
            "BUILD.yaml": environment("base"),
            "apps/BUILD.yaml": environment("web", base="//:base", user="1000")
            + environment("worker", base="//:base"),
        }
    )


@pytest.mark.parametrize(
    ("expression", "labels"),
    [
        ("//...", "//:base //apps:web //apps:worker"),
        ("deps(//apps:web)", "//:base //apps:web"),
        ("rdeps(//..., //:base) - //:base", "//apps:web //apps:worker"),
        ("kind(environment, //apps/...)", "//apps:web //apps:worker"),
        ("attr(user, 1000, //...)", "//apps:web"),
        ("somepath(//apps:web, //:base)", "//:base //apps:web"),
        ("allpaths(//apps:web, //:base) ^ //apps/...", "//apps:web"),
        ("kind(debian, //...)", ""),
    ],
)
def test_query(asked: Project, expression: str, labels: str) -> None:
    outcome = asked.succeed("query", expression)
    assert outcome.out.split() == labels.split()
    assert asked.succeed("query", expression, "--output", "json").json == labels.split()


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("dep(//...)", "query:1:1: error: there is no function `dep`\nhint: did you mean `deps`?\n"),
        ("deps(", "query:1:6: error: expected a pattern, a function or `(`, not the end\n"),
        (
            "//apps:wbe",
            "query:1:1: error: `apps/BUILD.yaml` has no target `wbe`\nhint: did you mean `//apps:web`?\n",
        ),
    ],
)
def test_wrong_queries(asked: Project, expression: str, text: str) -> None:
    assert asked.fail(2, "query", expression) == text


def test_aquery(project: Project, index: FakeIndex) -> None:
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"]), "main.py": ""}).succeed("lock")
    found = project.succeed("aquery", "--output", "json").json
    actions = {action["mnemonic"]: action for action in found["actions"]}
    assert list(actions) == ["VenvLayer", "WheelLayer", "CheckPaths", "Image"]
    (artifact,) = project.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    wheel = actions["WheelLayer"]
    assert wheel["subject"] == "alpha 1.0"
    assert wheel["parameters"]["prefix"] == "opt/env"
    assert wheel["inputs"] == {"wheel": f"pypi:{artifact['file']} (sha256:{artifact['sha256']})"}
    # The name is known before anything is built, and it is the one that the build gives.
    assert project.images() == []
    (target,) = found["targets"]
    assert target["definition"] == actions["Image"]["definition"]
    assert project.succeed("build", "--output", "json").target["image"] == target["image"]


def test_aquery_text(project: Project) -> None:
    project.write({"BUILD.yaml": environment()}).succeed("lock")
    blocks = project.succeed("aquery").out.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "VenvLayer venv",
        "CheckPaths //:app",
        "Image //:app",
    ]
    actions = project.succeed("aquery", "--output", "json").json["actions"]
    for block, action in zip(blocks, actions, strict=True):
        assert f"  definition  {action['definition']}\n" in block
        for name, value in action["parameters"].items():
            assert f"  parameter   {name} = {json.dumps(value)}\n" in block
