"""`docker pull` of the image into an empty engine."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.docker_peer import Docker
from benchmarks.findings import Finding
from benchmarks.peers import set_up
from benchmarks.rounds import compare
from benchmarks.workshop import TARGET, Workshop


def measure(workshop: Workshop) -> list[Finding]:
    """Against the image of the same packages that `docker build` + uv made and `docker push` pushed."""
    with workshop.registry() as registry:
        workshop.built.succeed("push", TARGET, "--registry", registry)
        theirs = f"{registry}/theirs:latest"
        builder = Docker(workshop.engine())
        set_up(workshop, builder, "uv").build(theirs)
        builder("push", "--quiet", theirs)
        puller = Docker(workshop.engine())
        ours = f"{registry}/{workshop.image}:latest"
        taken = compare({"ours": _pull(puller, ours), "theirs": _pull(puller, theirs)}, workshop.rounds)
    peer = "its `docker build` + uv image"
    return [Finding("`docker pull` into an empty engine", taken["ours"], 1, peer, taken["theirs"])]


def _pull(engine: Docker, image: str) -> Callable[[], float]:
    def contend() -> float:
        seconds = engine("pull", "--quiet", image).seconds
        engine.clear()
        return seconds

    return contend
