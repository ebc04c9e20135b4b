"""Our hooks as pre-commit itself installs them from this repository and runs them on commits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Project, environment, name_indexes
from tests.makers.workspace import write_files

SOURCE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Repository:
    """A git repository; commits are made as a user makes them."""

    folder: Path

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        who = {"NAME": "a", "EMAIL": "a@example.com"}
        names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, **self.tools},
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def tools(self) -> dict[str, str]:
        """pre-commit's own folder, and a cache of its own for the `envbuild` that it installs."""
        top = self.folder.parent
        return {"PRE_COMMIT_HOME": str(top / "pre-commit"), "ENVBUILD_CACHE_DIR": str(top / "cache")}

    def commit(self) -> tuple[int, str]:
        """Commit all there is: the exit code, and what git and the hooks say."""
        self.git("add", "--all")
        done = self.git("commit", "--message", "x")
        return done.returncode, done.stdout + done.stderr

    def begin(self) -> Repository:
        self.folder.mkdir(parents=True, exist_ok=True)
        assert self.git("init").returncode == 0
        return self


def copy_source(folder: Path) -> Repository:
    """Our repository as it is now, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (SOURCE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, folder / name)
    source = Repository(folder).begin()
    assert source.commit()[0] == 0
    return source


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    with run_index(make_package("alpha"), make_package("beta")) as index:
        yield index


@pytest.fixture
def project(tmp_path: Path, index: FakeIndex) -> Project:
    """Two locked targets."""
    project = Project(tmp_path).write(
        {
            "envbuild.yaml": name_indexes(pypi=index.url),
            "a/BUILD.yaml": environment("a", pip="requirements.in"),
            "a/requirements.in": "alpha\n",
            "b/BUILD.yaml": environment("b", pip=["beta"]),
        }
    )
    project.succeed("hook", "format")
    project.succeed("lock", "//...")
    return project


@pytest.fixture
def repository(project: Project, tmp_path: Path) -> Repository:
    """The project as a repository that takes its hooks from a copy of ours."""
    revision = copy_source(tmp_path / "source").git("rev-parse", "HEAD").stdout.strip()
    hooks = "[{id: envbuild-lock-check}, {id: envbuild-format}]"
    config = f"repos:\n- repo: {tmp_path / 'source'}\n  rev: {revision}\n  hooks: {hooks}\n"
    write_files(project.root, {".pre-commit-config.yaml": config})
    repository = Repository(project.root).begin()
    install = [sys.executable, "-m", "pre_commit", "install", "--install-hooks"]
    subprocess.run(install, cwd=project.root, env={**os.environ, **repository.tools}, check=True)
    return repository


@pytest.mark.network
def test_commits(project: Project, repository: Repository) -> None:
    """One story, as installing the hooks takes longest: what passes, what is refused, what mends it."""
    code, said = repository.commit()
    assert (code, said.count("Passed")) == (0, 2), said

    # A requirement that the lock does not hold.
    project.write({"a/requirements.in": "alpha\nbeta\n"})
    code, said = repository.commit()
    assert code == 1
    reason = "the lock of `//a:a` is stale:\n  `beta` is not locked, but it is required"
    assert f"error: {reason}\nhint: run `envbuild lock //a:a`\n" in said
    project.succeed("lock", "//a:a")
    assert repository.commit()[0] == 0

    # Another form: the file is rewritten, and the second try passes.
    formed = project.contents()["b/BUILD.yaml"].decode()
    project.write({"b/BUILD.yaml": "\n\n" + formed.replace(": ", ":   ")})
    code, said = repository.commit()
    assert code == 1
    assert "formatted b/BUILD.yaml" in said
    assert project.contents()["b/BUILD.yaml"].decode() == formed
    project.write({"b/BUILD.yaml": formed + "# as it was\n"})
    assert repository.commit()[0] == 0

    # No YAML: refused by both, with its place.
    project.write({"b/BUILD.yaml": "- environment: {name: b\n"})
    code, said = repository.commit()
    assert code == 1
    assert said.count("b/BUILD.yaml:2:1: error: not YAML") == 2
    project.write({"b/BUILD.yaml": formed})
    assert repository.commit()[0] == 0

    # Nothing of ours.
    project.write({"README.md": "y\n"})
    code, said = repository.commit()
    assert (code, said.count("no files to check")) == (0, 2), said
