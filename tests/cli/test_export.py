"""Locks in the forms of other tools, which must take them: the very files that are locked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from uv import find_uv_bin

from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Project, environment
from tests.makers.questions import host_facts

LOCAL = make_package("local", requires=["beta"])
WHEEL = f"wheels/{LOCAL[0]}"


def target(name: str = "app", **attributes: object) -> str:
    """A target that the machine which runs the tests could install."""
    facts = host_facts()
    assert facts.python is not None
    bare = {"libc": str(facts.libc), "python": facts.python.minor, "platforms": [str(facts.platform)]}
    return environment(name, **{**({} if "base" in attributes else bare), **attributes})


@pytest.fixture
def layered(project: Project, index: FakeIndex) -> Project:
    """An environment on another one, of wheels from an index, from a URL and of the workspace."""
    index.add(make_package("alpha", requires=["beta"]))
    index.add(make_package("beta"))
    direct = index.add(make_package("direct"))
    url = f"{index.origin}/files/{direct.name}#sha256={direct.sha256}"
    platforms = [str(host_facts().platform)]
    build = target("below", pip=["alpha"]) + target(
        base=":below", platforms=platforms, pip=[f"direct @ {url}"], wheels=[WHEEL]
    )
    project.write({WHEEL: LOCAL[1], "BUILD.yaml": build}).succeed("lock", ":app")
    return project


@pytest.fixture
def hosted(project: Project, index: FakeIndex) -> Project:
    """An environment of wheels that an index has."""
    index.add(make_package("alpha", requires=["beta"]))
    index.add(make_package("beta"))
    project.write({"BUILD.yaml": target(pip=["alpha"])}).succeed("lock")
    return project


def run_installer(project: Project, *command: str) -> subprocess.CompletedProcess[str]:
    """Run an installer in the workspace, with no settings but those stated."""
    known = {**project.environment, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "LC_ALL": "C"}
    return subprocess.run(command, cwd=project.root, env=known, capture_output=True, text=True, check=False)


def install(project: Project, *command: str) -> str:
    """What an installer says that it would do."""
    run = run_installer(project, *command)
    assert run.returncode == 0, run
    return run.stdout + run.stderr


def pip(index: FakeIndex, *options: str) -> list[str]:
    """How pip is asked for the requirements that were exported."""
    strict = ["--require-hashes", "--dry-run", "--ignore-installed", "--disable-pip-version-check"]
    where = ["--index-url", index.url, "-r", "requirements.txt"]
    return [sys.executable, "-m", "pip", "install", *strict, *options, *where]


def uv(project: Project, *arguments: str) -> str:
    folder = project.top / "installed"
    here = ["--python", sys.executable, "--target", str(folder), "--dry-run"]
    return install(project, find_uv_bin(), "pip", *arguments, *here)


def test_pip_takes_requirements(layered: Project, index: FakeIndex) -> None:
    shown = layered.succeed("export", ":app", "--format", "requirements").out
    (layered.root / "requirements.txt").write_text(shown)
    report = json.loads(install(layered, *pip(index, "--quiet", "--report", "-")))
    assert {each["metadata"]["name"] for each in report["install"]} == {"alpha", "beta", "direct", "local"}


def test_uv_takes_requirements(layered: Project, index: FakeIndex) -> None:
    layered.succeed("export", ":app", "--format", "requirements", "-o", "requirements.txt")
    said = uv(layered, "sync", "--require-hashes", "--index-url", index.url, "requirements.txt")
    assert "Would install 4 packages" in said


# The file names no index: the hashes are what makes the choice of one harmless.
def test_other_bytes_are_refused(layered: Project, index: FakeIndex) -> None:
    layered.succeed("export", ":app", "--format", "requirements", "-o", "requirements.txt")
    (locked,) = index.files.pop("alpha")
    index.add(make_package("alpha", requires=["beta"], payload=b"other"))
    run = run_installer(layered, *pip(index))
    assert run.returncode == 1
    assert f"Expected sha256 {locked.sha256}" in run.stderr


def test_uv_takes_pylock(layered: Project) -> None:
    said = layered.succeed("export", ":app", "--format", "pylock", "-o", "pylock.toml").out
    assert said.startswith("wrote pylock.toml, ")
    assert "Would install 4 packages" in uv(
        layered, "install", "--preview-features", "pylock", "-r", "pylock.toml"
    )


def test_a_written_file_for_programs(layered: Project) -> None:
    """Without a file, stdout is the export itself."""
    command = ["export", ":app", "--format", "requirements", "--output", "json"]
    written = layered.succeed(*command, "-o", "requirements.txt").json
    text = layered.succeed(*command).out
    assert written == {"file": "requirements.txt", "size": len(text)}
    assert (layered.root / "requirements.txt").read_text() == text


# The path of a local wheel is the only thing that depends on where the file is.
def test_local_wheels_are_named_from_the_file(layered: Project) -> None:
    (layered.root / "deploy").mkdir()
    layered.succeed("export", ":app", "--format", "pylock", "-o", "deploy/pylock.toml")
    lock = tomllib.loads((layered.root / "deploy/pylock.toml").read_text())
    paths = [each["archive"]["path"] for each in lock["packages"] if each["name"] == "local"]
    assert paths == [f"../{WHEEL}"]
    layered.fail(2, "export", ":app", "--format", "pylock", "-o", "../pylock.toml")
    assert not (layered.top / "pylock.toml").exists()


def test_the_url_is_the_index_s_of_today(hosted: Project, index: FakeIndex) -> None:
    def urls() -> list[str]:
        lock = tomllib.loads(hosted.succeed("export", ":app", "--format", "pylock").out)
        return [wheel["url"] for package in lock["packages"] for wheel in package["wheels"]]

    files = ["alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"]
    assert urls() == [f"{index.origin}/files/{file}" for file in files]
    with run_index() as moved:
        moved.files = index.files
        text = (hosted.root / "envbuild.yaml").read_text().replace(index.origin, moved.origin)
        hosted.write({"envbuild.yaml": text}).succeed("lock")
        assert urls() == [f"{moved.origin}/files/{file}" for file in files]


def test_conda_lock(hosted: Project, index: FakeIndex) -> None:
    lock = yaml.safe_load(hosted.succeed("export", ":app", "--format", "conda-lock").out)
    alpha, beta = lock["package"]
    assert alpha["url"] == f"{index.origin}/files/alpha-1.0-py3-none-any.whl"
    assert alpha["dependencies"] == {"beta": "*"}
    assert beta["hash"]["sha256"] == index.files["beta"][0].sha256


def test_requirements_ask_no_index(hosted: Project, index: FakeIndex) -> None:
    before = len(index.requests)
    hosted.succeed("export", ":app", "--format", "requirements")
    assert len(index.requests) == before


@pytest.mark.parametrize("form", ["pylock", "conda-lock"])
def test_an_index_that_has_lost_a_file(hosted: Project, index: FakeIndex, form: str) -> None:
    index.files["beta"] = []
    assert hosted.fail(4, "export", ":app", "--format", form, "-o", "lock") == (
        "error: the index `pypi` has no file `beta-1.0-py3-none-any.whl` any more\n"
        "hint: run `envbuild lock --upgrade-package beta`\n"
    )


def test_an_index_that_fails(hosted: Project, index: FakeIndex) -> None:
    index.statuses["beta"] = 403
    error = hosted.fail(4, "export", ":app", "--format", "pylock")
    assert error.startswith("error: cannot fetch `beta` from `pypi`: ")


@pytest.mark.parametrize("form", ["pylock", "conda-lock"])
def test_a_login_stays_out(hosted: Project, index: FakeIndex, form: str) -> None:
    index.login = "user:marked-secret"
    known = hosted.write({"envbuild.yaml": ""}).with_variables(PIP_INDEX_URL=index.url_with_login())
    known.succeed("lock")
    text = known.succeed("export", ":app", "--format", form).out
    assert f"{index.origin}/files/beta-1.0-py3-none-any.whl" in text
    assert "marked-secret" not in text


@pytest.fixture
def both(project: Project, index: FakeIndex) -> Project:
    """An environment for two platforms."""
    index.add(make_package("alpha"))
    build = environment(pip=["alpha"], platforms=["linux/amd64", "linux/arm64"])
    project.write({"BUILD.yaml": build}).succeed("lock")
    return project


def test_several_platforms(both: Project) -> None:
    assert both.fail(2, "export", ":app", "--format", "requirements") == (
        "error: a requirements file holds one platform\n"
        "hint: add `--platform linux/amd64` or `--platform linux/arm64`\n"
    )
    one = both.succeed("export", ":app", "--format", "requirements", "--platform", "linux/arm64").out
    assert one.startswith("# //:app for linux/arm64, Python 3.11: ")
    lock = tomllib.loads(both.succeed("export", ":app", "--format", "pylock").out)
    assert len(lock["environments"]) == 2
    only = both.succeed("export", ":app", "--format", "pylock", "--platform", "linux/arm64").out
    assert _machines(tomllib.loads(only)) == ["aarch64"]


def _machines(lock: dict[str, Any]) -> list[str]:
    return [
        machine
        for text in lock["environments"]
        for machine in ("x86_64", "aarch64")
        if f'platform_machine == "{machine}"' in text
    ]


def test_a_platform_that_the_target_lacks(hosted: Project) -> None:
    host = host_facts().platform
    other = "linux/arm64" if str(host) == "linux/amd64" else "linux/amd64"
    assert hosted.fail(2, "export", ":app", "--format", "pylock", "--platform", other) == (
        f"error: `//:app` is not built for `{other}`\nhint: use `--platform {host}`\n"
    )


def test_a_target_without_packages(project: Project) -> None:
    project.write({"BUILD.yaml": target(files={"a.txt": "/a.txt"}), "a.txt": "a"}).succeed("lock")
    error = project.fail(2, "export", ":app", "--format", "requirements")
    assert error.startswith("error: `//:app` has no Python packages to export\nhint: ")


def test_a_local_wheel_for_conda_lock(layered: Project) -> None:
    error = layered.fail(2, "export", ":app", "--format", "conda-lock", "-o", "conda-lock.yml")
    assert error.startswith(
        f"error: a conda-lock.yml names packages by URL, and `{WHEEL}` is a local wheel\n"
    )


def test_a_stale_lock(hosted: Project) -> None:
    hosted.write({"BUILD.yaml": target(pip=["alpha", "gamma"])})
    error = hosted.fail(3, "export", ":app", "--format", "requirements")
    assert "hint: run `envbuild lock //:app`" in error


def test_an_archive_needs_a_file(hosted: Project) -> None:
    assert hosted.fail(2, "export", ":app", "--format", "oci-archive") == (
        "error: `--format oci-archive` needs a file\nhint: name it with `-o FILE`\n"
    )


def test_an_image_in_an_archive(hosted: Project) -> None:
    said = hosted.succeed("export", ":app", "--format", "oci-archive", "-o", "app.tar").out
    assert said.startswith("wrote app.tar, ")
    assert Path(hosted.root / "app.tar").read_bytes()[257:262] == b"ustar"


def test_into_a_pipe(hosted: Project) -> None:
    """Nothing but the export goes there."""
    export = ("export", ":app", "--format", "requirements")
    assert hosted.succeed(*export, "-o", "/dev/stdout").out == hosted.succeed(*export).out


def test_two_platforms_in_a_docker_archive(both: Project) -> None:
    error = both.fail(2, "export", ":app", "--format", "docker-archive", "-o", "app.tar")
    assert error.startswith("error: a docker-archive holds one platform\nhint: add `--platform linux/amd64`")
    # It is refused before anything is built for it.
    assert both.images() == []
