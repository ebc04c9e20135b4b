"""Commands killed like by a power switch, and what may be left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.makers.project import Project
from tests.makers.stored import StoredImage

_MANIFESTS = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"


def kill_when(moment: Callable[[], bool], project: Project, *arguments: str) -> bool:
    """Run a command, and kill its whole process group at a moment; False if it ended before."""
    with project.start(*arguments) as process:
        while process.poll() is None and not moment():
            pass  # without a pause: what is waited for may last less than a millisecond
        return _kill(process)


def kill_after(seconds: float, project: Project, *arguments: str) -> bool:
    """Run a command, and kill its whole process group after a time; False if it ended before."""
    with project.start(*arguments) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return _kill(process)
        process.communicate()
        return False


def measure(project: Project, *arguments: str) -> float:
    """How many seconds a command takes that succeeds."""
    begun = time.monotonic()
    project.succeed(*arguments)
    return time.monotonic() - begun


def how_many(share: float) -> int:
    """How many random kills a test makes: its share of ENVBUILD_KILLS, else of a few."""
    return round(int(os.environ.get("ENVBUILD_KILLS", "20")) * share)


def random_moments() -> Random:
    """A generator whose seed a failing test shows; ENVBUILD_KILLS_SEED repeats it."""
    seed = int(os.environ.get("ENVBUILD_KILLS_SEED") or time.time_ns())
    print(f"ENVBUILD_KILLS_SEED={seed}")
    return Random(seed)


def assert_sound(project: Project, digests: Mapping[str, str]) -> None:
    """All that is readable is right: each blob, and each image that has a name."""
    assert project.succeed("cache", "verify", "--output", "json").json["wrong"] == []
    for name in project.images():
        image = StoredImage(project.cache / "images" / name)
        assert image.digest == digests[name]
        assert image.violations() == ()


def left_behind(project: Project) -> list[str]:
    """What a command that ended should have taken away, be it its own or a killed one's."""
    hidden = [*project.root.rglob(".*"), *project.cache.glob("memo/.*"), *project.cache.glob("locks/*")]
    return project.leftovers() + [str(path.relative_to(project.top)) for path in hidden]


def read_published(registry: str, name: str) -> str | None:
    """The digest of an image in a registry that has all below it; None where there is no such tag."""
    base = f"http://{registry.replace('/', '/v2/', 1)}/envs/{name}"
    try:
        digest, document = _fetch(f"{base}/manifests/latest")
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None
    _assert_published(base, document)
    return digest


def _assert_published(base: str, document: dict[str, Any]) -> None:
    for manifest in document.get("manifests", []):
        _assert_published(base, _fetch(f"{base}/manifests/{manifest['digest']}")[1])
    for blob in [document["config"], *document["layers"]] if "config" in document else []:
        head = urllib.request.Request(f"{base}/blobs/{blob['digest']}", method="HEAD")
        with urllib.request.urlopen(head) as answer:
            assert int(answer.headers["Content-Length"]) == blob["size"]


def _fetch(url: str) -> tuple[str, dict[str, Any]]:
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": _MANIFESTS})) as answer:
        return answer.headers["Docker-Content-Digest"], json.load(answer)


def _kill(process: subprocess.Popen[str]) -> bool:
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive
