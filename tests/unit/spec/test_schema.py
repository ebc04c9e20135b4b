from __future__ import annotations

from typing import Any

import pytest

from envbuild.core.errors import Location
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.rule import attr
from envbuild.spec.attribute import UserInterpreter
from envbuild.spec.positions import parse_yaml
from envbuild.spec.problems import Problems
from envbuild.spec.schema import Copy, Schema, Scope, check_attributes
from tests.makers.workspace import APP, failures

CALL = Location("BUILD.yaml", 1, 3)


def check(text: str, schema: Schema = APP) -> dict[str, Any]:
    problems = Problems()
    stated = parse_yaml(text.encode(), "BUILD.yaml").entries
    checked = check_attributes(stated, schema, Scope("`app`", "pkg", CALL), problems)
    problems.raise_if_any()
    return checked


def fails(text: str, schema: Schema = APP) -> list[str]:
    return failures(lambda: check(text, schema))


# Every target needs a base; the second line is the one under test.
_BASE = {"base": "python: x"}


def value_of(name: str, text: str) -> Any:
    return check(f"{_BASE.get(name, 'base: scratch')}\n{name}: {text}")[name]


def error_of(name: str, text: str) -> str:
    (error,) = fails(f"base: scratch\n{name}: {text}")
    return error.removeprefix("BUILD.yaml:2:")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("python", '"3.10"', "3.10"),
        ("python", '""', ""),
        ("strip", "true", True),
        ("level", "-7", -7),
        ("mode", "small", "small"),
        ("command", '[a, "", "3"]', ("a", "", "3")),  # an empty argument is an argument
        ("variables", '{B: x, A: "1", C: ""}', {"B": "x", "A": "1", "C": ""}),
        ("base", "//x/y:z", Label("x/y", "z")),
        ("base", '":z"', Label("pkg", "z")),
        ("base", "scratch", "scratch"),
        ("beside", '[//a, ":b"]', (Label("a", "a"), Label("pkg", "b"))),
        ("platforms", "[linux/arm64, linux/amd64]", (Platform("linux", "amd64"), Platform("linux", "arm64"))),
        ("license", "LICENSE", ("LICENSE", Location("BUILD.yaml", 2, 10))),
        ("pip", "r.in", (("r.in", Location("BUILD.yaml", 2, 6)),)),
        ("pip", "[a, b]", (("a", Location("BUILD.yaml", 2, 7)), ("b", Location("BUILD.yaml", 2, 10)))),
        ("wheels", "[x.whl]", (("x.whl", Location("BUILD.yaml", 2, 10)),)),
        ("files", "{a: /b//c/./d}", (Copy("a", "/b/c/d", False, Location("BUILD.yaml", 2, 9)),)),
        ("files", "{a: //b/}", (Copy("a", "/b", True, Location("BUILD.yaml", 2, 9)),)),
    ],
)
def test_checked_values(name: str, text: str, value: object) -> None:
    assert value_of(name, text) == value


INTERPRETER: Schema = {"own": attr.interpreter()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("/usr/bin/python3", UserInterpreter("/usr/bin/python3")),
        ("{path: /x, managed: false}", UserInterpreter("/x", managed=False)),
        ("{path: /x}", UserInterpreter("/x")),
    ],
)
def test_interpreters(text: str, value: UserInterpreter) -> None:
    assert check(f"own: {text}", INTERPRETER)["own"] == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{managed: false}", "BUILD.yaml:1:6: `own` has no `path`"),
        ("python3", "BUILD.yaml:1:6: `python3` is no absolute path"),
        ("{path: python3}", "BUILD.yaml:1:13: `python3` is no absolute path"),
        (
            '{path: /x, managed: "no"}',
            "BUILD.yaml:1:26: `own`: `managed` must be `true` or `false`",
        ),
        ("{path: /x, manged: true}", "BUILD.yaml:1:17: `own` has no `manged`\nhint: did you mean `managed`?"),
        ("[/x]", "BUILD.yaml:1:6: `own` must be a"),
    ],
)
def test_interpreters_that_are_none(text: str, said: str) -> None:
    (error,) = fails(f"own: {text}", INTERPRETER)
    assert error.startswith(said)


def test_what_is_not_stated_has_its_default() -> None:
    defaults: dict[str, object] = {
        "python": "",
        "pip": (),
        "wheels": (),
        "files": (),
        "license": None,
        "variables": {},
        "command": (),
        "strip": False,
        "level": None,
        "mode": "fast",
        "beside": (),
        "platforms": (Platform(),),
    }
    assert check("base: scratch") == {"base": "scratch", **defaults}


CONDA = {"conda": attr.conda(doc="an environment")}


@pytest.mark.parametrize(("text", "files"), [("a.yml", ["a.yml"]), ("[a.txt, b.txt]", ["a.txt", "b.txt"])])
def test_conda_environments_are_files(text: str, files: list[str]) -> None:
    assert [file for file, _ in check(f"conda: {text}", CONDA)["conda"]] == files


def test_conda_environments_may_stand_in_place() -> None:
    stated = check("conda: {dependencies: [zlib]}", CONDA)["conda"]
    assert stated.entries["dependencies"].value.items[0].text == "zlib"
    assert check("{}", CONDA) == {"conda": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "3.11",
            "`conda` must be a file, a list of files, or a conda environment as a mapping, not a number",
        ),
        ("[1]", "an item of `conda` must be text, not an integer"),
        ("~", "`conda` has no value"),
    ],
)
def test_what_is_no_conda_environment(text: str, message: str) -> None:
    (error,) = failures(lambda: check(f"conda: {text}", CONDA))
    assert message in error


def test_defaults_that_name_files_stand_where_the_target_does() -> None:
    schema = {
        "pip": attr.requirements(default=["six"]),
        "wheels": attr.wheels(default=["x.whl"]),
        "files": attr.files(default={"a": "/b"}),
    }
    assert check("{}", schema) == {
        "pip": (("six", CALL),),
        "wheels": (("x.whl", CALL),),
        "files": (Copy("a", "/b", False, CALL),),
    }


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("python", "3.10", '9: `python` must be text, not a number\nhint: quote it: `python: "3.10"`'),
        ("python", "3", '9: `python` must be text, not an integer\nhint: quote it: `python: "3"`'),
        ("python", "no", '9: `python` must be text, not a boolean\nhint: quote it: `python: "no"`'),
        ("python", "", '8: `python` has no value\nhint: write a value, or `python: ""`'),
        ("python", "[x]", "9: `python` must be text, not a list\nhint: write `python: text`"),
        ("python", '"\\0"', "9: `python` holds a NUL character\nhint: remove it"),
        (
            "strip",
            "yes",
            "8: `strip` must be `true` or `false`, not `yes`\nhint: write `true` or `false`",
        ),
        ("strip", '"true"', "8: `strip` must be `true` or `false`, not text\nhint: write `true` or `false`"),
        (
            "level",
            "1.5",
            "8: `level` must be an integer, not a number\nhint: write decimal digits, without quotes",
        ),
        (
            "level",  # Python itself would refuse to read so many digits
            "9" * 5000,
            "8: `level` is too large\nhint: write at most 18 digits",
        ),
        ("mode", "fats", "7: `fats` is no choice for `mode`\nhint: did you mean `fast`?"),
        ("mode", "x", "7: `x` is no choice for `mode`\nhint: known: `fast`, `small`"),
        (
            "command",
            "ls",
            "10: `command` must be a list of texts, not text\nhint: write a list: `command: [ls]`",
        ),
        ("command", "", "9: `command` has no value\nhint: write a value, or remove it"),
        (
            "command",
            "[a, 8080]",
            '14: an item of `command` must be text, not an integer\nhint: quote it: `"8080"`',
        ),
        ("command", "[a, ]\n", ""),
        ("command", "[a, ~]", '14: an item of `command` has no value\nhint: write a value, or `""`'),
        ("variables", "{A: 1}", '16: `variables.A` must be text, not an integer\nhint: quote it: `A: "1"`'),
        ("variables", "{A: on}", '16: `variables.A` must be text, not a boolean\nhint: quote it: `A: "on"`'),
        ("beside", "[x]", "10: `x` is not a label\nhint: did you mean `:x`?"),
        ("platforms", "[]", "12: `platforms` names no platform\nhint: add one: `linux/amd64`"),
        (
            "platforms",
            "[linux/sparc]",
            "13: unknown platform `linux/sparc`\nhint: use one of `linux/amd64`, `linux/arm64`",
        ),
        (
            "platforms",
            "[linux/arm64, linux/arm64/v8]",
            "26: `linux/arm64` is listed twice\nhint: remove one",
        ),
        (
            "files",
            "{a: app}",
            "12: `app` is no place for `a`\nhint: write the absolute path in the image: `a: /app/...`",
        ),
        (
            "files",
            "{a: /b/../c}",
            "12: `/b/../c` is no place for `a`\nhint: write the absolute path in the image: `a: /app/...`",
        ),
        (
            "wheels",
            "x.whl",
            "9: `wheels` must be a list of wheel files, not text\nhint: write a list: `wheels: [x.whl]`",
        ),
        (
            "pip",
            "{a: b}",
            "6: `pip` must be a file or a list of files or requirements, not a mapping\nhint: write a list",
        ),
    ],
)
def test_refused_values(name: str, text: str, error: str) -> None:
    if error:
        assert error_of(name, text) == error
    else:
        assert value_of(name, text) == ("a",)


def test_a_mapping_is_no_list_of_assignments() -> None:
    assert error_of("variables", "[A=1]").splitlines() == [
        "12: `variables` must be a mapping of texts, not a list",
        "hint: write a mapping: `variables: {...: ...}`",
    ]


def test_unknown_and_missing_attributes_and_every_wrong_value_are_told_together() -> None:
    assert fails("pyton: x\ncommand: [1, ok, 2.5]\nstrip: 0") == [
        "BUILD.yaml:1:1: `app` has no attribute `pyton`\nhint: did you mean `python`?",
        "BUILD.yaml:1:3: `app` lacks the attribute `base`\nhint: add `base: ...`, what it stands on",
        'BUILD.yaml:2:11: an item of `command` must be text, not an integer\nhint: quote it: `"1"`',
        'BUILD.yaml:2:18: an item of `command` must be text, not a number\nhint: quote it: `"2.5"`',
        "BUILD.yaml:3:8: `strip` must be `true` or `false`, not an integer\nhint: write `true` or `false`",
    ]


def test_an_unknown_attribute_like_no_other() -> None:
    (error,) = fails("x: 1", {"python": attr.text(), "pip": attr.text()})
    assert error == "BUILD.yaml:1:1: `app` has no attribute `x`\nhint: known: `pip`, `python`"
