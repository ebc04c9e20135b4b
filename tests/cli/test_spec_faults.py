"""What is wrong in a workspace's files is said with its place, before anything is locked or built."""

from __future__ import annotations

import pytest

from tests.makers.project import Project, environment

# What every target here says about a machine that has nothing.
BARE = 'base: scratch, libc: glibc 2.36, python: "3.11"'


def test_unknown_attribute(project: Project) -> None:
    project.write({"BUILD.yaml": f"- environment: {{name: app, {BARE}, entripoint: [python]}}"})
    assert project.fail(2, "build") == (
        "BUILD.yaml:1:77: error: `environment` has no attribute `entripoint`\n"
        "hint: did you mean `entrypoint`?\n"
    )


def test_duplicate_key(project: Project) -> None:
    project.write(
        {
            "BUILD.yaml": """\
            - environment:
                name: app
                base: scratch
                name: other
            """
        }
    )
    assert project.fail(2, "build") == (
        "BUILD.yaml:4:5: error: duplicate key `name`\nhint: the first one is at BUILD.yaml:2:5\n"
    )


# YAML reads 3.10 as 3.1: a version that nobody wrote.
def test_float_version(project: Project) -> None:
    project.write({"BUILD.yaml": "- environment: {name: app, base: scratch, python: 3.10}"})
    assert project.fail(2, "lock") == (
        'BUILD.yaml:1:51: error: `python` must be text, not a number\nhint: quote it: `python: "3.10"`\n'
    )


def test_missing_files(project: Project) -> None:
    project.write(
        {
            "requirements.in": "six\n-r more.in\n",
            "BUILD.yaml": """\
            - environment:
                name: app
                base: scratch
                pip: requirements.in
                wheels: [wheels/gone-1.0-py3-none-any.whl]
                files:
                  gone.txt: /app/gone.txt
                  "gone/*.txt": /app/
            """,
        }
    )
    assert project.fail(2, "lock") == (
        "BUILD.yaml:5:14: error: there is no file `wheels/gone-1.0-py3-none-any.whl`\nhint: check the path\n"
        "BUILD.yaml:7:7: error: there is no file `gone.txt`\nhint: check the path\n"
        "BUILD.yaml:8:7: error: there is no file `gone`\nhint: check the path\n"
        "requirements.in:2: error: there is no file `more.in`\nhint: check the path\n"
    )


@pytest.mark.parametrize(
    ("base", "text"),
    [
        (":pyhton", "`BUILD.yaml` has no target `pyhton`\nhint: did you mean `//:python`?"),
        ("//apps:tool", "`apps/BUILD.yaml` has no target `tool`\nhint: known: `web`"),
        ("//appps:web", "there is no `appps/BUILD.yaml`\nhint: did you mean `//apps`?"),
    ],
)
def test_unknown_label_in_file(project: Project, base: str, text: str) -> None:
    project.write(
        {
            "BUILD.yaml": f"""\
            - environment: {{name: python, {BARE}}}
            - environment:
                name: app
                base: "{base}"
            """,
            "apps/BUILD.yaml": f"- environment: {{name: web, {BARE}}}",
        }
    )
    assert project.fail(2, "build", ":app") == f"BUILD.yaml:4:11: error: {text}\n"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (":apq", "`BUILD.yaml` has no target `apq`\nhint: did you mean `//:app`?"),
        (
            "//nowhere:app",
            "there is no `nowhere/BUILD.yaml`\nhint: run `envbuild query //...` to see all targets",
        ),
        ("//a b:c", "`//a b:c` is not a label\nhint: write `//folder:name`, `:name` or `//folder`"),
        (
            "//nowhere/...",
            "`//nowhere/...` names no target\nhint: run `envbuild query //...` to see them all",
        ),
    ],
)
def test_unknown_label_on_the_command_line(project: Project, pattern: str, text: str) -> None:
    project.write({"BUILD.yaml": f"- environment: {{name: app, {BARE}}}"})
    assert project.fail(2, "build", pattern) == f"error: {text}\n"


def test_cycle(project: Project) -> None:
    project.write(
        {
            "BUILD.yaml": """\
            - environment: {name: one, base: ":two"}
            - environment: {name: two, base: "//below:three"}
            """,
            "below/BUILD.yaml": '- environment: {name: three, base: "//:one"}',
        }
    )
    expected = "a cycle of targets: //:one -> //:two -> //below:three -> //:one\nhint: remove one of these\n"
    assert project.fail(2, "lock", ":one") == f"below/BUILD.yaml:1:36: error: {expected}"
    # A target that stands on itself.
    project.write({"BUILD.yaml": '- environment: {name: one, base: ":one"}'})
    assert "a cycle of targets: //:one -> //:one\n" in project.fail(2, "build")


# Whoever mends a file wants to see all of it at once.
def test_all_errors_of_a_file(project: Project) -> None:
    project.write(
        {
            "BUILD.yaml": """\
            - environment:
                name: app
                base: scratch
                prefx: /opt
                python: 3.11
                user: no
            - enviroment: {name: other}
            - environment: {base: scratch}
            - debian_base: {name: app, packages: [], platforms: [linux/amd46]}
            """
        }
    )
    lines = project.fail(2, "build").splitlines()
    assert [line for line in lines if not line.startswith("hint: ")] == [
        "BUILD.yaml:4:5: error: `environment` has no attribute `prefx`",
        "BUILD.yaml:5:13: error: `python` must be text, not a number",
        "BUILD.yaml:6:11: error: `user` must be text, not a boolean",
        "BUILD.yaml:7:3: error: there is no rule `enviroment`",
        "BUILD.yaml:8:3: error: this `environment` has no name",
        "BUILD.yaml:9:3: error: `debian_base` lacks the attribute `suite`",
        "BUILD.yaml:9:23: error: a second target `app`",
        "BUILD.yaml:9:54: error: unknown platform `linux/amd46`",
    ]
    assert all(line.startswith("hint: ") for line in lines[1::2]), lines


def test_scratch_tells_no_libc(project: Project) -> None:
    project.write({"BUILD.yaml": '- environment: {name: app, base: scratch, python: "3.11"}'})
    expected = (
        "BUILD.yaml:1:3: error: `//:app`: on `scratch`, nothing tells the target's C library and Python\n"
        'hint: state them: `libc: glibc 2.36` and `python: "3.11"`\n'
    )
    assert project.fail(2, "lock") == expected
    assert project.fail(2, "build") == expected


@pytest.mark.parametrize(
    ("attribute", "text", "hint"),
    [
        (
            'python: "3.12"',
            ": it asks for Python 3.12, but its base `//:below` has 3.11",
            "change `python`, or the base",
        ),
        (
            "prefix: /opt/other",
            ": its prefix `/opt/other` is not its base's `/opt/env`",
            "leave `prefix` out: an environment on an environment shares one",
        ),
        (
            "libc: musl 1.2",
            ": it states `musl 1.2`, but its base `//:below` has `glibc 2.36`",
            "leave `libc` out, or change the base",
        ),
        (
            "platforms: [linux/arm64]",
            " is built for `linux/arm64`, but `//:below` only for `linux/amd64`",
            "add `linux/arm64` to the platforms of `//:below`",
        ),
    ],
)
def test_contradicting_the_base(project: Project, attribute: str, text: str, hint: str) -> None:
    base = f"- environment: {{name: below, {BARE}, platforms: [linux/amd64]}}"
    project.write({"BUILD.yaml": base}).succeed("lock")
    project.write({"BUILD.yaml": f'{base}\n- environment: {{name: app, base: ":below", {attribute}}}\n'})
    assert project.fail(2, "lock", ":app") == f"BUILD.yaml:2:3: error: `//:app`{text}\nhint: {hint}\n"


# A newer version may know settings that this one does not: the version is what to mend.
def test_required_version(project: Project) -> None:
    project.write({"envbuild.yaml": 'setting_of_the_future: 1\nrequired_version: ">=99"\n'})
    error = project.fail(2, "build")
    assert error.startswith("envbuild.yaml:2:19: error: this workspace needs envbuild `>=99`, and this is `")
    assert error.endswith("hint: run `pip install 'envbuild>=99'`\n")


def test_no_workspace(project: Project) -> None:
    (project.root / "envbuild.yaml").unlink()
    assert project.fail(2, "build") == (
        f"error: `{project.root}` is in no workspace: there is no `envbuild.yaml` there or above\n"
        "hint: run `envbuild init`, or name the folder with `--workspace`\n"
    )


def test_nothing_to_build(project: Project) -> None:
    assert project.fail(2, "build") == (
        "error: there is no `BUILD.yaml`\nhint: run `envbuild query //...` to see all targets\n"
    )


# Engines refuse these, and only when the image is run.
@pytest.mark.parametrize(
    ("attribute", "text", "hint"),
    [
        (
            {"workdir": "app"},
            "the working folder `app` is no absolute path",
            "write `workdir: /app`",
        ),
        ({"user": "a b"}, "`a b` is no user", "write `name`, `uid` or `uid:gid`"),
        (
            {"variables": {"A=B": "1"}},
            "`A=B` is no variable's name",
            "a name is not empty and has no `=`",
        ),
        (
            {"variables": {"": "1"}},
            "`` is no variable's name",
            "a name is not empty and has no `=`",
        ),
    ],
)
def test_configuration_that_no_engine_takes(
    project: Project, attribute: dict[str, object], text: str, hint: str
) -> None:
    project.write({"BUILD.yaml": environment("app", **attribute)}).succeed("lock")
    assert project.fail(2, "build") == f"BUILD.yaml:1:3: error: `//:app`: {text}\nhint: {hint}\n"
