"""One package of the lock changed: what its next image costs until everybody can pull it."""

from __future__ import annotations

import hashlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.docker_peer import Docker
from benchmarks.findings import MEGABYTES, Finding
from benchmarks.index import serve_index, write_index
from benchmarks.peers import set_up
from benchmarks.rounds import compare
from benchmarks.variants import add_file
from benchmarks.workshop import TARGET, Workshop

PACKAGE = "scikit_learn"  # of the bigger ones: 9 MB
WORK = "one package of 9 MB changed: build + push"


def measure(workshop: Workshop) -> list[Finding]:
    """Against `docker build` + uv and `docker push`; both registries have the image as it was before."""
    with workshop.registry() as registry:
        changes = _Changes(workshop, registry)
        taken = compare({"envbuild": changes.build_ours(), "docker": changes.build_theirs()}, workshop.rounds)
        return [
            Finding(WORK, taken["envbuild"], 0.8),
            Finding(WORK, taken["envbuild"], 1 / 20, "`docker build` + uv, `docker push`", taken["docker"]),
            Finding(
                "bytes pushed by it", max(changes.pushed) / 1e6, changes.size / 1e6 * 1.02, unit=MEGABYTES
            ),
        ]


class _Changes:
    """Builds of one package, one after another, for both contenders."""

    def __init__(self, workshop: Workshop, registry: str) -> None:
        self._workshop = workshop
        self._registry = registry
        (self._wheel,) = workshop.wheels.glob(f"{PACKAGE}-*")
        self._folder = Path(tempfile.mkdtemp(dir=workshop.folder))
        self._index = self._folder / "index"
        self.size = self._wheel.stat().st_size
        self.pushed: list[int] = []

    def build_ours(self) -> Callable[[], float]:
        """Change the lock, then `envbuild build --push`."""
        project = self._workshop.copy(self._workshop.built)
        url = self._workshop.stack.enter_context(serve_index(self._index))
        project = project.with_variables(UV_DEFAULT_INDEX=f"{url}/simple")
        push = ["build", TARGET, "--push", "--registry", f"{self._registry}/ours"]
        project.succeed(*push)
        wheels = self._make()

        def contend() -> float:
            wheel = next(wheels)
            sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
            write_index({wheel: sha256}, self._index)
            _relock(project.root / "examples/sklearn/train.lock.json", wheel, sha256)
            ran = self._workshop.timed(project, *push, "--output", "json")
            self.pushed.append(json.loads(ran.output)["targets"][0]["pushed"]["bytes"])
            return ran.seconds

        return contend

    def build_theirs(self) -> Callable[[], float]:
        """Change the wheel, then `docker build` and `docker push`."""
        docker = Docker(self._workshop.engine())
        recipe = set_up(self._workshop, docker, "uv")
        tag, wheels, before = f"{self._registry}/theirs", self._make(), self._wheel
        recipe.build(tag)
        docker("push", "--quiet", tag)

        def contend() -> float:
            nonlocal before
            wheel = next(wheels)
            recipe.exchange(before, wheel)
            before = wheel
            return recipe.build(tag).seconds + docker("push", "--quiet", tag).seconds

        return contend

    def _make(self) -> Iterator[Path]:
        """The wheel's builds 1, 2, 3 and so on, each made when it is asked for."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return (add_file(self._wheel, n, folder) for n in itertools.count(1))


def _relock(lock: Path, wheel: Path, sha256: str) -> None:
    """Name a wheel in the place of the one that is locked for its package."""
    document = json.loads(lock.read_bytes())
    (platform,) = document["platforms"].values()
    (locked,) = (each for each in platform["artifacts"] if each["file"].startswith(f"{PACKAGE}-"))
    text = lock.read_text().replace(locked["file"], wheel.name).replace(locked["sha256"], sha256)
    lock.write_text(text.replace(f'"size": {locked["size"]}', f'"size": {wheel.stat().st_size}'))
