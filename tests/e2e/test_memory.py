"""Memory stays small however big the packages are: all bytes are passed on piece by piece."""

from __future__ import annotations

import filecmp
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makers.big_wheel import big_wheel
from tests.makers.index import run_index
from tests.makers.project import Project, environment, name_indexes

MOST = 300_000_000
# What makes no layer only passes bytes on: not even one of these blobs may be whole in memory.
PASSING = 100_000_000
# The peak of this process alone: what the system counts for a child begins with its parent's.
COMMAND = """
import sys
from pathlib import Path
from envbuild.__main__ import main
code = main()
print(Path("/proc/self/status").read_text(), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Built, on a machine that had nothing."""
    project = Project(tmp_path_factory.mktemp("big"))
    with run_index(big_wheel()) as index:
        settings = name_indexes(pypi=index.url)
        project.write({"envbuild.yaml": settings, "BUILD.yaml": environment(pip=["big"])})
        assert peak(project, "lock") < PASSING
        assert peak(project, "build", "--jobs", "2") < MOST
    assert sum(path.stat().st_size for path in project.cache.glob("blobs/sha256/*")) > 400_000_000
    return project


def peak(project: Project, *arguments: str) -> int:
    """The most memory in bytes that a command held, which must succeed."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    match = re.search(r"^VmHWM:\s+(\d+) kB$", done.stderr, re.MULTILINE)
    assert match
    return int(match[1]) << 10


def test_verified(project: Project) -> None:
    assert peak(project, "cache", "verify") < PASSING


@pytest.mark.services
def test_through_a_registry(project: Project, tmp_path: Path, registry: str) -> None:
    there = ("--registry", f"{registry}/memory")
    archive = ("export", ":app", "--format", "docker-archive", "-o", "app.tar")
    assert peak(project, *archive) < PASSING
    assert peak(project, "push", *there) < PASSING
    files = {name: data for name, data in project.contents().items() if name != "app.tar"}
    other = Project(tmp_path).write(files)
    assert peak(other, *archive, *there) < PASSING
    assert filecmp.cmp(other.root / "app.tar", project.root / "app.tar", shallow=False)


@pytest.mark.services
def test_into_an_engine(project: Project, engine: str) -> None:
    loading = project.with_variables(DOCKER_HOST=engine)
    assert peak(loading, "load", ":app") < PASSING
    (name,) = project.images()
    subprocess.run(["docker", "--host", engine, "image", "rm", "--force", f"envs/{name}"], check=True)
