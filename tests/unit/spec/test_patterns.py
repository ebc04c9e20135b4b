from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.spec.patterns import expand_patterns
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.targets import Targets
from tests.makers.workspace import SCHEMAS, failures, write_files


@pytest.fixture
def targets(tmp_path: Path) -> Targets:
    files: dict[str, str | bytes] = {
        "BUILD.yaml": "- base: {name: top}",
        "a/BUILD.yaml": "- base: {name: a}\n- base: {name: z}",
        "a/b/BUILD.yaml": "- base: {name: b}",
        "ab/BUILD.yaml": "- base: {name: x}",
        "empty/BUILD.yaml": "",
        "plain/file": "",
    }
    return Targets(write_files(tmp_path, files), SCHEMAS, Unrecorded())


@pytest.mark.parametrize(
    ("patterns", "package", "labels"),
    [
        (["//a:z"], "", "//a:z"),
        (["//a"], "", "//a:a"),
        ([":z"], "a", "//a:z"),
        (["//a:all"], "", "//a:a //a:z"),
        ([":all"], "a", "//a:a //a:z"),
        (["//a/..."], "", "//a:a //a:z //a/b:b"),
        (["..."], "a", "//a:a //a:z //a/b:b"),
        (["b/..."], "a", "//a/b:b"),
        (["//..."], "ab", "//:top //a:a //a:z //a/b:b //ab:x"),
        ([], "a", "//a:a //a:z"),
        ([], "", "//:top"),
        (["//ab:x", "//a:z", "//a:all"], "", "//a:a //a:z //ab:x"),
        (["//...", "-//a/..."], "", "//:top //ab:x"),
        (["-//a:a", "//a:all"], "", "//a:z"),
        (["-:a"], "a", "//a:z"),
    ],
)
def test_patterns(targets: Targets, patterns: list[str], package: str, labels: str) -> None:
    assert " ".join(map(str, expand_patterns(patterns, package, targets))) == labels


@pytest.mark.parametrize(
    ("patterns", "package", "error"),
    [
        (["//a:y"], "", "`a/BUILD.yaml` has no target `y`\nhint: known: `a`, `z`"),
        (
            ["//plain:all"],
            "",
            "there is no `plain/BUILD.yaml`\nhint: run `envbuild query //...` to see all targets",
        ),
        ([], "plain", "there is no `plain/BUILD.yaml`\nhint: run `envbuild query //...` to see all targets"),
        (
            ["//empty:all"],
            "",
            "`//empty:all` names no target\nhint: run `envbuild query //...` to see them all",
        ),
        (
            ["//plain/..."],
            "",
            "`//plain/...` names no target\nhint: run `envbuild query //...` to see them all",
        ),
        (["//a:a", "-//a/..."], "", "no target is left\nhint: exclude less"),
        (["a b"], "", "`a b` is not a label\nhint: write `//folder:name`, `:name` or `//folder`"),
    ],
)
def test_what_names_nothing(targets: Targets, patterns: list[str], package: str, error: str) -> None:
    assert failures(lambda: expand_patterns(patterns, package, targets)) == [error]
