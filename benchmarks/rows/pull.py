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
        ours = f"{registry}/{workshop.image}:latest"
        taken = compare({"ours": _pull(workshop, ours), "theirs": _pull(workshop, theirs)}, workshop.rounds)
    peer = "its `docker build` + uv image"
    return [Finding("`docker pull` into an empty engine", taken["ours"], 1, peer, taken["theirs"])]


def _pull(workshop: Workshop, image: str) -> Callable[[], float]:
    """Each time into an engine of its own: one that had an image to remove is still busy with that."""

    def contend() -> float:
        with workshop.empty_engine() as address:
            return Docker(address)("pull", "--quiet", image).seconds

    return contend
