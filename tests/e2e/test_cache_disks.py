"""A cache on a disk that is full, or that cannot be written: what docs/cache.md says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Outcome, Project, environment, name_indexes
from tests.makers.servers import require_programs

pytestmark = pytest.mark.services

NAMES = ("alpha", "beta", "gamma", "delta")
SIZE = 2_000_000
READ_ONLY = 'mount --bind $1 $1 && mount -o remount,ro,bind $1 && shift && exec python -m envbuild "$@"'
FULL = """
mount -t tmpfs -o size=$2 none $1 || exit 99
python -m envbuild build >/dev/null && exit 98
find $1/tmp $1/images -mindepth 1
python -m envbuild cache verify >/dev/null || exit 97
mount -o remount,size=100m $1
exec python -m envbuild build
"""


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    packages = (make_package(name, payload=name.encode() * (SIZE // len(name))) for name in NAMES)
    with run_index(*packages) as index:
        yield index


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory, index: FakeIndex) -> Project:
    """A locked workspace with an empty cache."""
    require_programs(root=True)
    project = Project(tmp_path_factory.mktemp("project"))
    targets = environment(pip=list(NAMES)) + environment("other", pip=["alpha"])
    project.write({"envbuild.yaml": name_indexes(pypi=index.url), "BUILD.yaml": targets})
    project.succeed("lock", "//...")
    shutil.rmtree(project.cache)
    project.cache.mkdir()
    return project


def run_apart(project: Project, script: str, *arguments: str) -> Outcome:
    """Run a shell script whose mounts nobody else sees and that end with it; `$1` is the cache."""
    command = ["unshare", "-m", "sh", "-c", script, "sh", str(project.cache), *arguments]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment, capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


# Full at the first file, after the action cache's database, and amidst the packages.
@pytest.mark.parametrize("size", ["64k", "1m", "5m"])
def test_a_full_disk(project: Project, size: str) -> None:
    outcome = run_apart(project, FULL, size)
    assert outcome.code == 0, outcome
    assert f"the disk of the store `{project.cache}` is full\n" in outcome.err
    assert "hint: free some space, or run `envbuild cache gc`\n" in outcome.err
    assert "remove it" not in outcome.err  # room mends the database, too
    # No line of `find` before it: nothing half-written. With room again, the build gets there.
    assert outcome.out.startswith("//:app  built\n")


def test_a_read_only_disk_serves_what_it_has(project: Project) -> None:
    project.succeed("build", "//:app")
    outcome = run_apart(project, READ_ONLY, "build", "//:app")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("//:app  up to date\n")


def test_a_read_only_disk_tells_what_it_has(project: Project) -> None:
    project.succeed("build", "//:app")
    for command in ("info", "verify"):
        outcome = run_apart(project, READ_ONLY, "cache", command, "--output", "json")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.json == project.succeed("cache", command, "--output", "json").json
    # Damage is found there, but cannot be mended.
    layer = max((project.cache / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    layer.chmod(0o644)
    layer.write_bytes(b"damaged")
    outcome = run_apart(project, READ_ONLY, "cache", "verify")
    assert outcome.code == 4
    assert outcome.out.endswith(f": 1 wrong\n  cannot set aside sha256:{layer.name}\n")


def test_a_read_only_disk_takes_nothing_new(project: Project) -> None:
    project.succeed("build", "//:app")
    before = project.contents()
    outcome = run_apart(project, READ_ONLY, "build", "//:other")
    assert (outcome.code, outcome.out) == (4, "")
    assert f"the store `{project.cache}` cannot be written\n" in outcome.err
    assert outcome.err.endswith("hint: choose another store with `--cache-dir`\n")
    assert project.contents() == before
    assert project.leftovers() == []
