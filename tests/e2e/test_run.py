"""Programs in images as ordinary users run them, and in a container."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.e2e.conftest import Built
from tests.e2e.test_engine import assert_trains
from tests.makers.examples import SKLEARN
from tests.makers.nobody import SUB_IDS, copy_parts, give_away, grant, run_as_nobody
from tests.makers.programs import write_runnable
from tests.makers.project import Project
from tests.makers.servers import require_programs


@pytest.fixture
def project() -> Iterator[Project]:
    """A workspace of nobody's, unlike pytest's own folders; something is mounted below it."""
    require_programs("busybox", "newuidmap", root=True)
    top = Path(mkdtemp())
    project = write_runnable(Project(top).write({"envbuild.yaml": ""}))
    give_away(project)
    yield project
    subprocess.run(["rm", "-rf", top], check=True)


@pytest.fixture(params=[SUB_IDS, ""], ids=["sub-ids", "none"])
def granted(request: pytest.FixtureRequest, project: Project) -> tuple[str, ...]:
    """What starts a command with these sub-ids of nobody's, and no others."""
    return tuple(grant(request.param, project.top))


def run(project: Project, script: str, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """A shell's script in the image, as nobody runs it."""
    return run_as_nobody(project, ["run", ":app", "--", "sh", "-ec", script], prefix)


def test_as_a_user(project: Project, granted: tuple[str, ...]) -> None:
    done = run(project, "id -u; echo made > made; touch /root-too; exit 9", granted)
    assert (done.returncode, done.stdout) == (9, "0\n"), done
    assert (project.root / "made").stat().st_uid == 65534


def test_an_image_s_own_user(project: Project) -> None:
    """Whom only sub-ids let be somebody else."""
    as_app = ["run", "--user", "app", ":app", "--", "id", "-u"]
    done = run_as_nobody(project, as_app, grant(SUB_IDS, project.top))
    assert (done.returncode, done.stdout) == (0, "1000\n"), done
    refused = run_as_nobody(project, as_app, grant("", project.top))
    assert refused.returncode == 125, refused
    assert "hint: " in refused.stderr


@pytest.fixture
def nobodys(built: Built, project: Project) -> Project:
    """The examples as nobody's workspace, with all their images."""
    return copy_parts(built.project, project, "blobs", "images")


@pytest.mark.network
def test_sklearn_as_a_user(nobodys: Project, granted: tuple[str, ...]) -> None:
    done = run_as_nobody(nobodys, ["run", SKLEARN], granted)
    assert done.returncode == 0, done
    assert_trains(done.stdout)


@pytest.mark.network
def test_sklearn_as_root(built: Built) -> None:
    assert_trains(built.project.succeed("run", SKLEARN).out)


@pytest.mark.network
@pytest.mark.services
def test_sklearn_in_a_container(built: Built, engine: str) -> None:
    project = built.project.with_variables(DOCKER_HOST=engine)
    assert_trains(project.succeed("run", "--engine", "docker", SKLEARN).out)
    script = "import os, sklearn; print(sklearn.__version__, os.getcwd())"
    told = project.succeed(
        "run", "--engine", "docker", "--entrypoint", "", SKLEARN, "--", "python", "-c", script
    )
    assert told.out.split()[1] == str(project.root)


def test_what_is_mounted_in_the_current_folder_is_there(project: Project) -> None:
    (project.root / "below").mkdir()
    mounting = 'mount -t tmpfs none below; echo there > below/file; exec "$@"'
    done = run(project, "cat below/file", ("unshare", "--mount", "sh", "-ec", mounting, "sh"))
    assert (done.returncode, done.stdout) == (0, "there\n"), done
