"""Markers are judged for the target, whatever runs the test."""

from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.platform import Facts, Platform
from envbuild.lock.markers import asks_for_patch, holds, marker_environment, reduce_edges
from envbuild.spec.requirement_line import parse_pinned
from tests.makers.questions import make_facts

TARGET = marker_environment(make_facts(python="3.99", target="linux/arm64"))


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        ("Dep_One >=1", ("dep-one>=1",)),
        ("dep; python_version >= '3.99' and platform_machine == 'aarch64'", ("dep",)),
        ("dep; python_full_version == '3.99.0'", ("dep",)),
        ("dep; sys_platform == 'win32'", ()),
        ("dep; platform_release > '5'", ()),
        ("dep[b,a]; extra == 'Speed_Up' and os_name == 'posix'", ('dep[a,b]; extra == "speed-up"',)),
        ("dep; extra == 'speed-up' or extra == 'more'", ('dep; extra == "more"', 'dep; extra == "speed-up"')),
        ("dep; extra == 'other'", ()),
        ("dep; extra != 'other'", ("dep",)),
        (
            "dep @ https://x.example/dep-1.0-py3-none-any.whl",
            ("dep @ https://x.example/dep-1.0-py3-none-any.whl",),
        ),
        ("dep (>=1)", ("dep>=1",)),  # as PEP 345 wrote it
        ("dep >= nonsense", ()),
        # What only an attacker writes: it would be a lock that nobody can read.
        ("dep===\x1b[2J", ()),
        (f"dep~=1.{'9' * 5000}", ()),
        ("dep; " + "(" * 2000 + "os_name == 'x'" + ")" * 2000, ()),
        # What cannot be compared holds nowhere.
        ("dep; python_version ~= 'x'", ()),
        ("dep; '3' ~= '3.1'", ()),
        ("dep; 'x' in dependency_groups", ()),
    ],
)
def test_edges(text: str, edges: tuple[str, ...]) -> None:
    assert reduce_edges([text], ["speed-up", "more"], TARGET) == edges


@pytest.mark.parametrize(
    ("requires", "python", "asks"),
    [
        ([], [">=3.8"], False),
        (["dep; python_version < '3.11'"], [">=3.8.1,<4"], False),
        ([], [">=3.11.3"], True),
        ([], [">=3.11.0,!=3.11.*"], False),
        (["dep; python_full_version < '3.11.3'"], [], True),
        ([], ["whatever"], True),
        ([], [f"~=3.{'9' * 5000}"], False),
    ],
)
def test_what_patch_releases_matter(requires: list[str], python: list[str], asks: bool) -> None:
    assert asks_for_patch(requires, python, "3.11") == asks


def test_a_marker_of_the_target_itself_that_nobody_can_judge() -> None:
    marker = parse_pinned("dep; python_version ~= 'x'").requirement.marker
    with pytest.raises(SpecError, match="compares what cannot be compared"):
        holds(marker, TARGET)


def test_a_target_without_python() -> None:
    with pytest.raises(SpecError, match="the target has no Python"):
        marker_environment(Facts(Platform()))
