"""Which targets a change concerns: those whose locks rest on the files, and what stands on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.graph.project import Project
from envbuild.spec.recorder import Unrecorded
from tests.makers.project import environment
from tests.makers.workspace import write_files

FILES = {
    "envbuild.yaml": "rules: [tools]\n",
    "tools/rule.py": """\
        from envbuild.rule import Context, Image, rule

        @rule(attributes={})
        def nothing(ctx: Context) -> Image:
            raise ctx.fail("is never built")
        """,
    "base/BUILD.yaml": "- debian_base: {name: base, suite: bookworm, packages: [python3.11-minimal]}\n",
    "a/BUILD.yaml": environment("one", base="//base:base", pip="requirements.in")
    + environment(
        "two", base="//base:base", wheels=["own-1.0-py3-none-any.whl"], files={"main.py": "/main.py"}
    ),
    "a/requirements.in": "-c ../limits.txt\nnumpy\n",
    "b/BUILD.yaml": environment("three", base="//a:one", pip=["six"])
    + environment("four", pip="requirements.in"),
    "b/requirements.in": "six\n",
    "d/BUILD.yaml": environment("five", conda="environment.yml")
    + environment("six", conda={"dependencies": [{"pip": ["-r in-place.in"]}]}),
    "d/environment.yml": "dependencies: [python, pip: [-r more.in]]\n",
    "d/more.in": "six\n",
    "d/in-place.in": "six\n",
    "limits.txt": "numpy<3\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_files(tmp_path, FILES)


def touched(root: Path, *changed: str) -> list[str]:
    project = Project(root, root, Unrecorded())
    return [str(label) for label in project.touched([root / name for name in changed])]


ALL = ["//a:one", "//a:two", "//b:four", "//b:three", "//base:base", "//d:five", "//d:six"]


@pytest.mark.parametrize(
    ("changed", "labels"),
    [
        ("a/requirements.in", ["//a:one", "//b:three"]),
        ("limits.txt", ["//a:one", "//b:three"]),
        ("b/requirements.in", ["//b:four"]),
        ("d/in-place.in", ["//d:six"]),
        ("d/environment.yml", ["//d:five"]),
        ("d/more.in", ["//d:five"]),
        ("a/own-1.0-py3-none-any.whl", ["//a:two"]),
        ("b/four.lock.json", ["//b:four"]),
        ("a/one.lock.json", ["//a:one", "//b:three"]),
        ("base/base.lock.json", ["//a:one", "//a:two", "//b:three", "//base:base"]),
        ("b/BUILD.yaml", ["//b:four", "//b:three"]),
        ("envbuild.yaml", ALL),
        ("tools/rule.py", ALL),
        # Of images, but of no lock.
        ("a/main.py", []),
        ("README.md", []),
        ("c/requirements.in", []),
        # Whose name begins like that of a folder with rules.
        ("tools.py", []),
    ],
)
def test_what_a_file_touches(root: Path, changed: str, labels: list[str]) -> None:
    assert touched(root, changed) == labels


def test_several_files(root: Path) -> None:
    assert touched(root, "b/requirements.in", "README.md", "a/own-1.0-py3-none-any.whl") == [
        "//a:two",
        "//b:four",
    ]


def test_a_target_that_is_gone_touches_what_stood_on_it(root: Path) -> None:
    """It has no declaration any more: only who names it knows it."""
    write_files(root, {"a/BUILD.yaml": environment("two")})
    assert touched(root, "a/BUILD.yaml") == ["//a:two", "//b:three"]


def test_a_workspace_reached_by_a_link(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    linked = tmp_path_factory.mktemp("links") / "workspace"
    linked.symlink_to(root)
    project = Project(linked, linked, Unrecorded())
    assert [str(label) for label in project.touched([root / "b/requirements.in"])] == ["//b:four"]
    assert [str(label) for label in project.touched([linked / "b/requirements.in"])] == ["//b:four"]
