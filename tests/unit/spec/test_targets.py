from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.label import Label
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.targets import Targets
from tests.makers.workspace import SCHEMAS, Looks, failures, write_files


def targets_of(root: Path, files: dict[str, str | bytes]) -> Targets:
    return Targets(write_files(root, files), SCHEMAS, Unrecorded())


def label(text: str) -> Label:
    return Label.parse(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_files(
        tmp_path,
        {
            "bases/BUILD.yaml": """\
                - base: {name: python, packages: [x]}
                """,
            "app/BUILD.yaml": """\
                - app:
                    name: train
                    base: //bases:python
                    pip: requirements.in
                    wheels: [wheels/own-1.0-py3-none-any.whl]
                    files: {train.py: /app/train.py}
                    license: ../LICENSE
                - app:
                    name: serve
                    base: ":train"
                    beside: [":train", "//bases:python"]
                - app: {name: broken, base: scratch, files: {gone: /x}}
                """,
            "app/requirements.in": "six\n",
            "app/wheels/own-1.0-py3-none-any.whl": "a wheel",
            "app/train.py": "print()",
            "LICENSE": "do what you like",
        },
    )


def test_a_target_has_its_attributes_as_a_rule_gets_them(root: Path) -> None:
    target = Targets(root, SCHEMAS, Unrecorded()).target(label("//app:train"))
    assert (target.kind, str(target.location)) == ("app", "app/BUILD.yaml:1:3")
    assert target.dependencies == (label("//bases:python"),)
    attributes = target.attributes
    assert attributes["base"] == label("//bases:python")
    assert attributes["pip"].requirements == ("six",)
    assert [(wheel.file, wheel.size) for wheel in attributes["wheels"]] == [
        ("app/wheels/own-1.0-py3-none-any.whl", 7)
    ]
    assert [entry.destination for entry in attributes["files"]] == ["/app/train.py"]
    assert attributes["license"].path == root / "LICENSE"


def test_dependencies_are_what_label_attributes_name(root: Path) -> None:
    declared = Targets(root, SCHEMAS, Unrecorded()).declared(label("//app:serve"))
    assert {str(below): str(place) for below, place in declared.dependencies.items()} == {
        "//app:train": "app/BUILD.yaml:11:14",
        "//bases:python": "app/BUILD.yaml:11:24",
    }


def test_only_what_is_needed_is_read(root: Path) -> None:
    """A file missing for one target is no fault of another, nor is a broken build file elsewhere."""
    write_files(root, {"elsewhere/BUILD.yaml": "- nonsense"})
    looks = Looks(root)
    targets = Targets(root, SCHEMAS, looks)
    targets.target(label("//app:serve"))
    assert "elsewhere/BUILD.yaml" not in looks.names
    assert "app/gone" not in looks.names
    assert {"app/BUILD.yaml", "bases/BUILD.yaml"} <= set(looks.names)
    targets.target(label("//app:train"))
    expected = {"app/requirements.in", "app/wheels/own-1.0-py3-none-any.whl", "app/train.py", "LICENSE"}
    assert expected <= set(looks.names)


def test_each_target_is_read_once(root: Path) -> None:
    targets = Targets(root, SCHEMAS, Unrecorded())
    assert targets.target(label("//app:train")) is targets.target(label("//app:train"))


def test_contents_that_are_missing_are_told_together_with_their_places(tmp_path: Path) -> None:
    targets = targets_of(
        tmp_path,
        {
            "BUILD.yaml": """\
                - app:
                    name: train
                    base: scratch
                    pip: [requirements.txt, "six==", own.whl]
                    wheels: [wheels/onw-1.0-py3-none-any.whl, notes.txt]
                    files: {trian.py: /app/train.py}
                    license: LICENCE
                """,
            "wheels/own-1.0-py3-none-any.whl": "",
            "train.py": "",
            "notes.txt": "",
            "LICENSE": "",
        },
    )
    errors = failures(lambda: targets.target(label("//:train")))
    assert [error.partition(": ")[0] for error in errors] == [
        *(f"BUILD.yaml:4:{column}" for column in (11, 29, 38)),
        *(f"BUILD.yaml:5:{column}" for column in (14, 47)),
        "BUILD.yaml:6:13",
        "BUILD.yaml:7:14",
    ]
    assert errors[3].endswith(
        "there is no file `wheels/onw-1.0-py3-none-any.whl`\nhint: did you mean `own-1.0-py3-none-any.whl`?"
    )
    assert errors[5].endswith("there is no file `trian.py`\nhint: did you mean `train.py`?")
    assert errors[6] == "BUILD.yaml:7:14: there is no file `LICENCE`\nhint: did you mean `LICENSE`?"


def test_all_faults_of_a_build_file_are_told_together(tmp_path: Path) -> None:
    targets = targets_of(
        tmp_path,
        {
            "a/BUILD.yaml": """\
                - app: {name: one, base: scratch, pyton: "3"}
                - ap: {name: two, whatever: 1}
                - app: {base: scratch, python: 3.10}
                - app: {name: one, base: nowhere}
                """
        },
    )
    assert failures(lambda: targets.target(label("//a:one"))) == [
        "a/BUILD.yaml:1:35: `app` has no attribute `pyton`\nhint: did you mean `python`?",
        "a/BUILD.yaml:2:3: there is no rule `ap`\nhint: did you mean `app`?",
        "a/BUILD.yaml:3:3: this `app` has no name\nhint: add `name: ...`",
        'a/BUILD.yaml:3:32: `python` must be text, not a number\nhint: quote it: `python: "3.10"`',
        "a/BUILD.yaml:4:15: a second target `one`\nhint: the first one is at a/BUILD.yaml:1:15",
        "a/BUILD.yaml:4:26: `nowhere` is not a label\nhint: did you mean `:nowhere`?",
    ]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("//app:trian", "`app/BUILD.yaml` has no target `trian`\nhint: did you mean `//app:train`?"),
        ("//app:x", "`app/BUILD.yaml` has no target `x`\nhint: known: `broken`, `serve`, `train`"),
        ("//base:python", "there is no `base/BUILD.yaml`\nhint: did you mean `//bases`?"),
        (
            "//no/such/thing",
            "there is no `no/such/thing/BUILD.yaml`\nhint: run `envbuild query //...` to see all targets",
        ),
        ("//:here", "there is no `BUILD.yaml`\nhint: run `envbuild query //...` to see all targets"),
    ],
)
def test_unknown_labels(root: Path, asked: str, error: str) -> None:
    assert failures(lambda: Targets(root, SCHEMAS, Unrecorded()).target(label(asked))) == [error]


def test_an_unknown_dependency_is_told_where_it_is_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a/BUILD.yaml": "- app: {name: x, base: //b:y}\n- app: {name: z, base: //c:y}",
        "b/BUILD.yaml": "- app: {name: yy, base: scratch}",
    }
    targets = targets_of(tmp_path, files)
    assert failures(lambda: targets.target(label("//a:x"))) == [
        "a/BUILD.yaml:1:24: `b/BUILD.yaml` has no target `y`\nhint: did you mean `//b:yy`?"
    ]
    assert failures(lambda: targets.target(label("//a:z"))) == [
        "a/BUILD.yaml:2:24: there is no `c/BUILD.yaml`\nhint: run `envbuild query //...` to see all targets"
    ]


def test_a_cycle_is_told_with_its_whole_chain(tmp_path: Path) -> None:
    targets = targets_of(
        tmp_path,
        {
            "a/BUILD.yaml": "- app: {name: x, base: //b:y}\n- app: {name: start, base: ':x'}",
            "b/BUILD.yaml": "- app: {name: y, base: scratch, beside: [//c, //a:x]}",
            "c/BUILD.yaml": "- app: {name: c, base: scratch}\n- app: {name: self, base: ':self'}",
        },
    )
    error = "b/BUILD.yaml:1:47: a cycle of targets: //a:x -> //b:y -> //a:x\nhint: remove one of these"
    assert failures(lambda: targets.target(label("//a:x"))) == [error]
    # The way to a cycle is no part of it.
    assert failures(lambda: targets.target(label("//a:start"))) == [error]
    assert failures(lambda: targets.target(label("//c:self"))) == [
        "c/BUILD.yaml:2:27: a cycle of targets: //c:self -> //c:self\nhint: remove one of these"
    ]
    assert targets.target(label("//c:c")).dependencies == ()


# However targets are asked for, one by one or from above.
@pytest.mark.parametrize("first", [0, 63, 2999])
def test_a_tower_of_targets_ends(tmp_path: Path, first: int) -> None:
    lines = ["- base: {name: t0, packages: [x]}"]
    lines += [f'- app: {{name: t{n}, base: ":t{n - 1}"}}' for n in range(1, 3000)]
    targets = targets_of(tmp_path, {"BUILD.yaml": "\n".join(lines)})
    if first < 64:
        targets.target(label(f"//:t{first}"))
    for top in ("//:t64", "//:t2999"):
        (error,) = failures(lambda: targets.target(label(top)))  # noqa: B023 (called at once)
        assert error.startswith("BUILD.yaml:65:3: `//:t64` stands on other targets over 64 deep\nhint: ")


def test_targets_that_share_a_dependency_are_no_cycle(tmp_path: Path) -> None:
    lines = ["- app: {name: t0, base: scratch}"] + [
        f"- app: {{name: t{n}, base: ':t{n - 1}', beside: [':t{n - 1}', ':t{max(0, n - 2)}']}}"
        for n in range(1, 60)
    ]
    targets = targets_of(tmp_path, {"BUILD.yaml": "\n".join(lines)})
    assert targets.target(label("//:t59")).label.name == "t59"


def test_a_package_behind_a_link_out_of_the_workspace(tmp_path: Path) -> None:
    write_files(tmp_path, {"outside/BUILD.yaml": "- app: {name: x, base: scratch}", "root/envbuild.yaml": ""})
    (tmp_path / "root/link").symlink_to("../outside")
    targets = Targets(tmp_path / "root", SCHEMAS, Unrecorded())
    (error,) = failures(lambda: targets.target(label("//link:x")))
    assert error.startswith("`link/BUILD.yaml` leads out of the workspace by a symbolic link")
