"""Requirements as people and packages write them: lines, files, pyproject.toml and METADATA."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.errors import Location, SpecError
from envbuild.lock.markers import asks_for_patch, holds, marker_environment, reduce_edges
from envbuild.lock.tags import needed_libc, rank_wheel
from envbuild.sources.wheel_metadata import WheelMetadata
from envbuild.spec.requirement_files import RequirementFiles
from envbuild.spec.requirement_line import parse_pinned
from envbuild.spec.requirements import read_requirements
from envbuild.spec.wheels import parse_wheel_name
from tests.makers.documents import read_or_say, words
from tests.makers.mutants import fuzz, mutants
from tests.makers.questions import make_facts

FACTS = make_facts()
ENVIRONMENT = marker_environment(FACTS)
SPELLED = [
    *("six", "[a,b]", ">=1", "~=1.0", "===x", ",", " @ ", "https://h.example/six-1-py3-none-any.whl", "["),
    *(" ; ", "extra == 'a'", "python_version", " in ", " ~= ", "'3'", "(", ")", " and ", " or ", "(" * 2000),
    *("dependency_groups", "'x' in extras", "#sha256=", "://", " --hash=", "sha256:", "${X}", "git+"),
]
LINES = words(*SPELLED)
PYPROJECT = b"""[project]
name = "app"
dependencies = ["six>=1", "attrs"]
[project.optional-dependencies]
dev = ["pytest"]
[dependency-groups]
lint = [{include-group = "more"}, "ruff"]
more = ["mypy"]
"""
ABSURD_TOML = [
    b"a = " + b"[" * 100_000,
    b"a = " + b"9" * 5000,
    b"a = " + b"{b=" * 5000,
    b"[a" + b".a" * 5000 + b"]",
]
METADATA = b"""Metadata-Version: 2.1
Name: app
Version: 1.0
Requires-Python: >=3.8,<4
Requires-Dist: six>=1; python_version > '3' and extra == 'a'
Requires-Dist: attrs
  (>=2)

Text
"""
WHEELS = words(
    "six", "-", "1.0", "1!2", "py3", "cp311", "none", "any", "manylinux_2_17_x86_64", ".", ".whl", most=14
)


@fuzz
@given(LINES)
def test_a_line(text: str) -> None:
    pinned = read_or_say(lambda: parse_pinned(text), SpecError)
    if pinned is None:
        return
    assert pinned.text.isprintable()
    assert parse_pinned(pinned.text) == pinned
    assert "pw" not in pinned.text
    marker = pinned.requirement.marker
    read_or_say(lambda: holds(marker, ENVIRONMENT), SpecError)


@fuzz
@given(st.lists(LINES), st.lists(LINES, max_size=2))
def test_the_dependencies_that_a_package_states(requires: list[str], python: list[str]) -> None:
    for edge in reduce_edges(requires, ["a"], ENVIRONMENT):
        assert edge.isprintable()
        parse_pinned(edge)
    asks_for_patch(requires, python, "3.11")


@fuzz
@given(mutants(METADATA))
def test_metadata(data: bytes) -> None:
    metadata = WheelMetadata(1, data.decode("utf-8", "replace"))
    for edge in reduce_edges(metadata.values("Requires-Dist"), ["a"], ENVIRONMENT):
        assert edge.isprintable()
    asks_for_patch((), metadata.values("Requires-Python"), "3.11")
    metadata.values("Version")


@fuzz
@given(WHEELS)
def test_a_wheel_s_name(file: str) -> None:
    named = read_or_say(lambda: parse_wheel_name(file), SpecError)
    rank = rank_wheel(file, FACTS)
    assert rank is None or named is not None
    needed_libc([file], FACTS)


@fuzz
@given(
    words("-r r.txt", "-c r.txt", "-r", " ", "\n", "\\\n", "#", "--pre", "-e .", "'", "./x.whl", *SPELLED[:8])
)
def test_a_requirement_file(text: str) -> None:
    read_file("r.txt", text.encode(errors="surrogatepass"), "r.txt")


@fuzz
@given(mutants(PYPROJECT) | st.sampled_from(ABSURD_TOML))
def test_a_pyproject(data: bytes) -> None:
    read_file("pyproject.toml", data, "pyproject.toml[dev,lint]")


def read_file(name: str, data: bytes, entry: str) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / name).write_bytes(data)
        read_or_say(lambda: read_requirements([(entry, Location("BUILD.yaml", 1))], root, root))
        RequirementFiles().find([entry], folder)


def test_what_nobody_changed_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(PYPROJECT)
    read = read_requirements([("pyproject.toml[dev,lint]", Location("b", 1))], tmp_path, tmp_path)
    assert read.requirements == ("attrs", "mypy", "pytest", "ruff", "six>=1")
    metadata = WheelMetadata(1, METADATA.decode())
    assert reduce_edges(metadata.values("Requires-Dist"), (), ENVIRONMENT) == ("attrs>=2",)
