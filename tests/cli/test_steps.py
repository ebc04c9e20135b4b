"""Options of steps: secrets, limits, what is kept of a failure."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from envbuild.execute.sandbox.homes import prepare_homes
from tests.makers.corpus import BASE, run_base
from tests.makers.debian import serve
from tests.makers.project import Project
from tests.makers.secrets import find_in_folder
from tests.makers.servers import leave_out

SECRET = "marked/5be1@+of-a-step"
TOLD = ["--no-memo", "-v", "--events", "../events", "--profile", "../profile.gz"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with run_base(tmp_path_factory.mktemp("steps")) as project:
        yield project


@pytest.fixture
def project(shared: Project) -> Iterator[Project]:
    """A workspace with a base; only its cache knows other tests."""
    settings = (shared.root / "envbuild.yaml").read_text()
    yield shared
    (shared.root / "envbuild.yaml").write_text(settings)
    for name in ("failed", "logs"):
        shutil.rmtree(shared.cache / name, ignore_errors=True)


def write(project: Project, *lines: str) -> None:
    text = "".join(f"      {line}\n" for line in ("FROM base", *lines))
    rest = '    name: app\n    contexts: {base: ":base"}\n'
    (project.root / "BUILD.yaml").write_text(f"{BASE}- dockerfile_image:\n    dockerfile: |\n{text}{rest}")


def set_up(project: Project, settings: str) -> None:
    """More settings in envbuild.yaml."""
    path = project.root / "envbuild.yaml"
    path.write_text(f"{path.read_text()}build: {settings}\n")


USE = "RUN --mount=type=secret,id=token,required=true wc -c < /run/secrets/token; cat /run/secrets/token; # "
USE_VARIABLE = "RUN --mount=type=secret,id=token,env=TOKEN,required=true echo $TOKEN; # "


@pytest.mark.parametrize("use", [USE, USE_VARIABLE])
@pytest.mark.parametrize("way", ["file", "variable", "workspace file", "workspace variable"])
def test_secrets_reach_steps_and_are_found_nowhere(project: Project, use: str, way: str) -> None:
    write(project, use + way)
    home = Path(project.environment["HOME"])
    (home / "token").write_text(SECRET)
    where = f"src={home / 'token'}" if "file" in way else "env=TOKEN_OF_A_STEP"
    flags = [] if "workspace" in way else ["--secret", f"id=token,{where}"]
    if not flags:
        set_up(project, f"{{secrets: {{token: '{where}'}}}}")
    outcome = project.with_variables(TOKEN_OF_A_STEP=SECRET).succeed("build", ":app", *TOLD, *flags)
    assert "***" in outcome.err
    assert SECRET not in outcome.out + outcome.err
    assert find_in_folder(project.top, [SECRET], ["home/token"]) == []


def test_a_secret_that_is_not_given(project: Project) -> None:
    write(project, USE + "missing")
    error = project.fail(2, "build", ":app")
    assert "the secret `token` is not given" in error
    assert "hint: give it: `--secret id=token,src=FILE`" in error


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("id=token,env=NOT_SET", "is in the variable `NOT_SET`, which is not set"),
        ("id=token,src=not/there", "cannot be read: "),
        (f"id=token,{SECRET}", "a form that is not known"),
        ("token", "a form that is not known"),
        ("id=token,src=a,env=b", "a form that is not known"),
    ],
)
def test_secrets_that_cannot_be_read(project: Project, flag: str, message: str) -> None:
    write(project, USE + "unreadable")
    error = project.fail(2, "build", ":app", "--secret", flag)
    assert message in error
    assert SECRET not in error


def test_a_failed_step_tells_its_line_its_last_words_and_where_the_rest_is(project: Project) -> None:
    write(project, "RUN true", "RUN echo wrote; echo kept > /kept; exit 7")
    error = project.fail(1, "build", ":app", "--keep-failed")
    assert "`RunStep BUILD.yaml:6: RUN echo wrote; echo kept" in error
    assert "exit code 7" in error
    assert "\n  wrote" in error
    log = re.search(r"all it wrote is in `(.*?)`", error)
    assert log
    assert Path(log[1]).read_text() == "wrote\n"
    (kept,) = (project.cache / "failed").glob("*/kept")
    assert kept.read_text() == "kept\n"


def test_without_keep_failed_nothing_is_kept(project: Project) -> None:
    write(project, "RUN echo > /kept; exit 8")
    project.fail(1, "build", ":app")
    assert not (project.cache / "failed").exists()


def test_a_time_limit_by_flag_variable_and_file(project: Project) -> None:
    write(project, "RUN sleep 1000")
    assert "its limit of 1 s\n" in project.fail(1, "build", ":app", "--step-timeout", "1s")
    assert "its limit of 2 s\n" in project.with_variables(ENVBUILD_STEP_TIMEOUT="2s").fail(1, "build", ":app")
    set_up(project, "{step_timeout: 1s}")
    assert "its limit of 1 s\n" in project.fail(1, "build", ":app")


def test_a_memory_limit_by_flag_and_file(project: Project) -> None:
    write(project, "RUN dd if=/dev/zero of=/dev/null bs=100M count=1")
    said = r"memory"
    assert re.search(said, project.fail(1, "build", ":app", "--step-memory", "50M"))
    set_up(project, "{step_memory: 50M}")
    assert re.search(said, project.fail(1, "build", ":app"))
    # A limit is in no key: what was built under another one is not built again.
    project.succeed("build", ":app", "--step-memory", "4G")
    actions = json.loads(project.succeed("build", ":app", "--no-memo", "--output", "json").out)
    assert actions["targets"][0]["actions"]["executed"] == 0


def test_a_limit_of_processes_by_flag_variable_and_file(project: Project) -> None:
    if os.geteuid() == 0 and prepare_homes() is None:
        leave_out("the kernel counts no processes of root's, and lets nobody make control groups here")
    write(project, "RUN for n in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait")
    assert "can't fork" in project.fail(1, "build", ":app", "--step-processes", "5")
    assert "can't fork" in project.with_variables(ENVBUILD_STEP_PROCESSES="5").fail(1, "build", ":app")
    set_up(project, "{step_processes: 5}")
    assert "can't fork" in project.fail(1, "build", ":app")
    project.succeed("build", ":app", "--step-processes", "0")


def test_settings_that_are_wrong(project: Project) -> None:
    write(project, "RUN true")
    set_up(project, "{executor: podman, step_timeout: soon, secrets: {token: x}, step_processes: -1}")
    error = project.fail(2, "build", ":app")
    assert "podman" in error
    assert "`soon` is no amount" in error
    assert "a form that is not known" in error
    assert "`step_processes` must be at least 0" in error


@pytest.mark.services
def test_a_step_in_a_container_is_the_same(project: Project, engine: str) -> None:
    write(project, "RUN mkdir /a; echo 1 > /a/b; rm /etc/group")
    # Unpacked layers may hold what no copy of a tree can make; they are unpacked again.
    left_out = shutil.ignore_patterns("roots", "sandboxes")
    shutil.copytree(project.cache, project.top / "other", symlinks=True, ignore=left_out)
    docker = project.with_variables(DOCKER_HOST=engine)
    made = docker.succeed("build", ":app", "--executor", "docker", "--output", "json").target
    assert made["actions"]["executed"] >= 1
    other = replace(project, variables={"ENVBUILD_CACHE_DIR": str(project.top / "other")})
    assert other.succeed("build", ":app", "--output", "json").target["digest"] == made["digest"]


def test_no_engine(project: Project) -> None:
    write(project, "RUN echo nobody is there")
    set_up(project, "{executor: docker}")
    error = project.with_variables(DOCKER_HOST="tcp://127.0.0.1:9").fail(4, "build", ":app")
    assert "no Docker engine answers" in error


def test_a_step_with_the_network_is_marked_and_runs_again_for_an_upgrade(project: Project) -> None:
    write(project, "RUN --network=host echo x > /x", "RUN echo y > /y")
    project.succeed("lock", ":app")
    project.succeed("build", ":app", "--no-memo", "--events", "../events")
    events = [json.loads(line) for line in (project.top / "events").read_text().splitlines()]
    impure = [event["subject"] for event in events if event.get("impure")]
    assert len(impure) == 1
    assert "RUN --network=host" in impure[0]
    assert "impure" in project.succeed("aquery", ":app").out
    (manifest,) = [
        found
        for path in (project.cache / "blobs/sha256").iterdir()
        if path.stat().st_size < 10_000 and b"dev.envbuild.impure" in path.read_bytes()
        for found in [json.loads(path.read_bytes())]
        if "annotations" in found
    ]
    assert manifest["annotations"]["dev.envbuild.impure"] == "RUN --network=host echo x > /x"

    def executed() -> int:
        said = project.succeed("build", ":app", "--no-memo", "--output", "json")
        return int(said.target["actions"]["executed"])

    project.succeed("lock", ":app")
    assert executed() == 0
    settings = project.root / "envbuild.yaml"
    with serve(project.top / "mirror") as (url, _):
        settings.write_text(re.sub(r"http://[^\"]*", url, settings.read_text()))
        project.succeed("lock", ":app", "--upgrade")
    assert executed() >= 1


@pytest.mark.services
@pytest.mark.parametrize("executor", ["sandbox", "docker"])
def test_an_interrupted_step_leaves_nothing(project: Project, engine: str, executor: str) -> None:
    write(project, f"RUN echo it is up; sleep 1000; # {executor}")
    docker = project.with_variables(DOCKER_HOST=engine)
    with docker.start("build", ":app", "--executor", executor) as process:
        assert process.stderr is not None
        while "| it is up" not in process.stderr.readline():
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 8
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    for kind in ("ps --all --quiet", "image ls --all --quiet", "volume ls --quiet"):
        command = ["docker", "--host", engine, *kind.split()]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""
    assert list((project.cache / ("docker" if executor == "docker" else "sandboxes")).iterdir()) == []
