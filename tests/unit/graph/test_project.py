"""A workspace seen from a folder of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.label import Label
from envbuild.graph.memo import Signatures
from envbuild.graph.project import Project
from tests.makers.workspace import write_files

RULES = """
    from envbuild.rule import Config, Context, Image, attr, rule

    @rule(attributes={"upon": attr.labels()})
    def stacked(ctx: Context) -> Image:
        '''Nothing, on several others.'''
        return ctx.image([], Config())
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A chain of diamonds: each target stands on both of the level below."""
    levels = [
        f'- stacked: {{name: {side}{n}, upon: [":l{n - 1}", ":r{n - 1}"]}}\n'
        for n in range(1, 30)
        for side in "lr"
    ]
    return write_files(
        tmp_path,
        {
            "envbuild.yaml": "rules: [own]\n",
            "own/stacked.py": RULES,
            "BUILD.yaml": "- stacked: {name: l0}\n- stacked: {name: r0}\n" + "".join(levels),
            "below/BUILD.yaml": '- stacked: {name: top, upon: ["//:l29"]}\n',
        },
    )


def open_project(root: Path, here: str = "") -> Project:
    return Project(root / here, root / here, Signatures())


def test_what_is_stood_on_comes_first_and_once(root: Path) -> None:
    project = open_project(root)
    ordered = project.with_dependencies([Label("below", "top"), Label("", "l1")])
    assert len(ordered) == len(set(ordered)) == 60
    place = {label: n for n, label in enumerate(ordered)}
    for label in ordered:
        assert all(place[below] < place[label] for below in project.targets.target(label).dependencies)


@pytest.mark.parametrize(("here", "package"), [("", ""), ("below", "below"), ("own", "own")])
def test_patterns_are_seen_from_the_current_folder(root: Path, here: str, package: str) -> None:
    assert open_project(root, here).package == package


def test_a_pattern_of_the_current_folder(root: Path) -> None:
    assert open_project(root, "below").labels([":top"]) == (Label("below", "top"),)
    (configured,) = open_project(root, "below").configure([":top"])
    assert configured.label == Label("below", "top")


def test_outside_of_the_workspace_patterns_begin_at_its_root(root: Path, tmp_path: Path) -> None:
    assert Project(root, tmp_path.parent, Signatures()).package == ""


def test_all_that_is_read_is_signed_before(root: Path) -> None:
    signatures = Signatures()
    Project(root, root, signatures).configure(["//..."])
    read = ["envbuild.yaml", "BUILD.yaml", "below/BUILD.yaml", "own", "own/stacked.py"]
    assert {str(root / name) for name in read} <= signatures.found.keys()
