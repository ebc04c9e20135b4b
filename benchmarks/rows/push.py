"""The whole image into an empty registry."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.clock import run
from benchmarks.findings import Finding
from benchmarks.rounds import compare
from benchmarks.workshop import TARGET, Workshop


def measure(workshop: Workshop) -> list[Finding]:
    """Against skopeo, which copies the same blobs from the same store."""
    layout = workshop.built.cache / "images" / workshop.image.removeprefix("envs/")
    copy = ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{layout}"]

    def push() -> float:
        with workshop.registry() as registry:
            return workshop.timed(workshop.built, "push", TARGET, "--registry", registry).seconds

    def copy_by_skopeo() -> float:
        with workshop.registry() as registry:
            command = [*copy, f"docker://{registry}/{workshop.image}:latest"]
            return run(command, {"PATH": os.defpath}, Path("/")).seconds

    taken = compare({"envbuild": push, "skopeo": copy_by_skopeo}, workshop.rounds)
    return [
        Finding("push of the image to an empty registry", taken["envbuild"], 1, "skopeo", taken["skopeo"])
    ]
