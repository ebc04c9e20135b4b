"""The example that everything is measured on: 57 locked wheels on a Debian base, fetched and built once."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.clock import Ran, run
from benchmarks.index import write_index
from tests.makers.examples import BASE, NOWHERE, SKLEARN, copy_examples, locked_artifacts, seed_blobs
from tests.makers.project import Project
from tests.makers.servers import run_engine, run_registry

PYTHON = sys.executable
ENVBUILD = str(Path(sys.executable).with_name("envbuild"))
TARGET = SKLEARN
AMD64 = ("--platform", "linux/amd64")


@dataclass(frozen=True)
class Workshop:
    """Prepared packages, caches and servers; `kept` outlives a run, everything else ends with `stack`."""

    kept: Path
    folder: Path
    rounds: int
    stack: ExitStack = field(repr=False)

    @cached_property
    def built(self) -> Project:
        """The examples with all of the target built, from this machine's own package sources."""
        machine = {name: value for name, value in os.environ.items() if not name.startswith("ENVBUILD_")}
        project = copy_examples(Project(self.kept / "built", machine))
        project.write({"examples/bare/BUILD.yaml": _BARE, "examples/bare/bare.lock.json": ""})
        project.succeed("lock", "//examples/bare")
        for target in (BASE, "//examples/bare", TARGET):
            project.succeed("build", target, *AMD64)
        return project

    @cached_property
    def image(self) -> str:
        """The name of the target's image."""
        report: dict[str, Any] = self.built.succeed("build", TARGET, "--output", "json").json
        return str(report["targets"][0]["image"])

    def artifacts(self, kind: str, pattern: str) -> list[dict[str, Any]]:
        """The packages of this kind in the locks that match."""
        return [each for each in locked_artifacts(self.built, pattern) if each["kind"] == kind]

    @cached_property
    def wheels(self) -> Path:
        """A folder of the 57 wheels under their own names."""
        return self._link(self.artifacts("wheel", "examples/sklearn/train"), "wheels")

    @cached_property
    def debs(self) -> Path:
        """A folder of the base's packages for amd64."""
        found = self.artifacts("deb", "examples/bases/*")
        return self._link([each for each in found if not each["file"].endswith("_arm64.deb")], "debs")

    def _link(self, artifacts: list[dict[str, Any]], name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        for each in artifacts:
            blob = self.built.cache / "blobs" / "sha256" / each["sha256"]
            (folder / Path(each["file"]).name).hardlink_to(blob)
        return folder

    @cached_property
    def fetched(self) -> Project:
        """A project with all packages in its store and the base built, and nothing else."""
        project = self.empty()
        packages = (*self.artifacts("wheel", "examples/sklearn/train"), *self.artifacts("deb", "**/*"))
        present = [each["sha256"] for each in packages if self._has(each["sha256"])]
        seed_blobs(self.built, project, present)
        project.succeed("build", BASE, *AMD64)
        return project

    def _has(self, sha256: str) -> bool:
        return (self.built.cache / "blobs" / "sha256" / sha256).is_file()

    def empty(self) -> Project:
        """The examples with an empty cache, cut off from all package sources."""
        project = copy_examples(Project(Path(tempfile.mkdtemp(dir=self.folder)), {}))
        return project.with_variables(UV_DEFAULT_INDEX=NOWHERE)

    def copy(self, project: Project) -> Project:
        """A project as another one is now; blobs, which never change, are shared."""
        copied = Project(Path(tempfile.mkdtemp(dir=self.folder)), project.variables)
        shutil.copytree(project.root, copied.root)
        for part in sorted(project.cache.iterdir()):
            shared = part.name == "blobs"
            if part.is_dir():
                target = copied.cache / part.name
                shutil.copytree(
                    part, target, symlinks=True, copy_function=os.link if shared else shutil.copy2
                )
        return copied

    @cached_property
    def index(self) -> Path:
        """The folder of a package index with the 57 wheels."""
        sums = {each["file"]: each["sha256"] for each in self.artifacts("wheel", "examples/sklearn/train")}
        folder = self.folder / "index"
        write_index({self.wheels / name: sha256 for name, sha256 in sums.items()}, folder)
        return folder

    @contextmanager
    def registry(self) -> Iterator[str]:
        """An empty registry."""
        with run_registry(Path(tempfile.mkdtemp(dir=self.folder))) as address:
            yield address

    def engine(self) -> str:
        """The address of a Docker engine for the rest of the run."""
        return self.stack.enter_context(self.empty_engine())

    @contextmanager
    def empty_engine(self) -> Iterator[str]:
        """The address of a new, empty Docker engine; its sockets want a short path."""
        with (
            tempfile.TemporaryDirectory(prefix="eb", dir="/tmp") as folder,
            run_engine(Path(folder)) as address,
        ):
            yield address

    def timed(self, project: Project, *arguments: str) -> Ran:
        """Run `envbuild` as installed, which must succeed."""
        return run([ENVBUILD, *arguments], project.environment, project.root)

    def on_copies(self, project: Project, *arguments: str) -> Callable[[], float]:
        """A contender that runs `envbuild` on a copy of the project each time."""

        def contend() -> float:
            copied = self.copy(project)
            seconds = self.timed(copied, *arguments).seconds
            shutil.rmtree(copied.top)
            return seconds

        return contend


_BARE = '- environment: {name: bare, base: "//examples/bases:python311", python: "3.11", pip: []}\n'


@contextmanager
def open_workshop(kept: Path, rounds: int) -> Iterator[Workshop]:
    """Measure in a folder beside what is kept, so that blobs can be shared by links."""
    kept = kept.resolve()
    kept.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=kept))
        yield Workshop(kept, Path(folder), rounds, stack)
