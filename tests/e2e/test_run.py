"""Programs in images as an ordinary user without sub-ids runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.e2e.test_sandbox import NOBODY
from tests.makers.programs import write_runnable
from tests.makers.project import Project
from tests.makers.servers import require_programs


@pytest.fixture
def project() -> Iterator[Project]:
    """A workspace of nobody's, unlike pytest's own folders; something is mounted below it."""
    require_programs("busybox", root=True)
    top = Path(mkdtemp())
    project = write_runnable(Project(top).write({"envbuild.yaml": ""}))
    subprocess.run(["chown", "-R", "65534:65534", top], check=True)
    yield project
    subprocess.run(["rm", "-rf", top], check=True)


def run(project: Project, script: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A shell's script in the image."""
    command = [*prefix, *NOBODY, sys.executable, "-m", "envbuild", "run", ":app", "--", "sh", "-ec", script]
    environment = {**project.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )


def test_as_a_user_without_sub_ids(project: Project) -> None:
    done = run(project, "id -u; echo made > made; touch /root-too; exit 9")
    assert (done.returncode, done.stdout) == (9, "0\n"), done
    assert (project.root / "made").stat().st_uid == 65534


def test_what_is_mounted_in_the_current_folder_is_there(project: Project) -> None:
    (project.root / "below").mkdir()
    mounting = 'mount -t tmpfs none below; echo there > below/file; exec "$@"'
    done = run(project, "cat below/file", ("unshare", "--mount", "sh", "-ec", mounting, "sh"))
    assert (done.returncode, done.stdout) == (0, "there\n"), done
