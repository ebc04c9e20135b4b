from __future__ import annotations

from pathlib import Path

from envbuild.spec.build_file import BuildFile, build_file_name, load_build_file
from envbuild.spec.problems import Problems
from envbuild.spec.recorder import Unrecorded
from tests.makers.workspace import failures, write_files


def load(root: Path, text: str, package: str = "a/b") -> BuildFile:
    write_files(root, {build_file_name(package): text})
    problems = Problems()
    build_file = load_build_file(root, package, Unrecorded(), problems)
    problems.raise_if_any()
    return build_file


def test_calls_are_read_in_order_with_their_places(tmp_path: Path) -> None:
    text = """\
        - app: {name: one}
        - base:
            name: two
            packages: [x]
        """
    build_file = load(tmp_path, text)
    assert (build_file.package, build_file.file) == ("a/b", "a/b/BUILD.yaml")
    assert [(call.kind, call.name, str(call.location)) for call in build_file.calls] == [
        ("app", "one", "a/b/BUILD.yaml:1:3"),
        ("base", "two", "a/b/BUILD.yaml:2:3"),
    ]
    assert list(build_file.calls[1].attributes) == ["packages"]


def test_an_empty_file_has_no_targets(tmp_path: Path) -> None:
    assert load(tmp_path, "# nothing yet\n").calls == ()


def test_all_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    text = """\
        - app: {name: one}
        - app: {name: one}
        - app: {}
        - app: {name: 3}
        - app: {name: a/b}
        - app: {name: all}
        - app: [x]
        - app:
          name: forgot to indent
        - just text
        """
    name = "hint: a name has letters, digits and `_.+-`, and begins with a letter, a digit or `_`"
    form = "hint: write `- environment:`, and its attributes indented below"
    assert failures(lambda: load(tmp_path, text)) == [
        "a/b/BUILD.yaml:2:15: a second target `one`\nhint: the first one is at a/b/BUILD.yaml:1:15",
        "a/b/BUILD.yaml:3:3: this `app` has no name\nhint: add `name: ...`",
        f"a/b/BUILD.yaml:4:15: a target's name must be text, not an integer\n{name}",
        f"a/b/BUILD.yaml:5:15: `a/b` is not a target's name\n{name}",
        "a/b/BUILD.yaml:6:15: `all` names all targets of a folder\nhint: choose another name",
        f"a/b/BUILD.yaml:7:3: the attributes of `app` must be a mapping, not a list\n{form}",
        f"a/b/BUILD.yaml:8:3: a call is one name with its attributes\n{form}",
        f"a/b/BUILD.yaml:10:3: a call is one name with its attributes\n{form}",
    ]


def test_a_file_that_is_no_list(tmp_path: Path) -> None:
    (error,) = failures(lambda: load(tmp_path, "app: {name: one}", package=""))
    assert error == (
        "BUILD.yaml:1:1: must be a list of calls, not a mapping\n"
        "hint: write `- environment:`, and its attributes indented below"
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a" / "BUILD.yaml").mkdir(parents=True)
    error = failures(lambda: load_build_file(tmp_path, "a", Unrecorded(), Problems()))
    assert error == ["a/BUILD.yaml: cannot read it: Is a directory"]
