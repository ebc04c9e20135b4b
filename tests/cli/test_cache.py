"""What the cache holds, what may go, and how damage is repaired."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment


@pytest.fixture
def built(project: Project, index: FakeIndex) -> Project:
    index.add(make_package("alpha", payload=bytes(20_000)))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    project.succeed("build")
    return project


def report(project: Project) -> dict[str, Any]:
    return project.succeed("build", "--output", "json").target


def blob(project: Project, digest: str) -> Path:
    return project.cache / "blobs" / digest.replace(":", "/")


def damage(path: Path) -> None:
    """Change a bit, and neither size nor time: nothing but reading it tells."""
    found = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_info(built: Project) -> None:
    facts = built.succeed("cache", "info", "--output", "json").json
    blobs = list((built.cache / "blobs" / "sha256").iterdir())
    assert isinstance(facts.pop("engine_mounts"), list)  # an engine of this machine may have some
    assert facts == {
        "folder": str(built.cache),
        "images": 1,
        "blobs": len(blobs),
        "size": sum(path.stat().st_size for path in blobs),
        "actions": 4,
    }
    text = built.succeed("cache", "info").out
    assert text.startswith(f"{built.cache}: 1 images, {len(blobs)} blobs, ")
    assert text.endswith(" kB, 4 remembered actions\n")


def test_info_of_nothing(project: Project) -> None:
    facts = project.succeed("cache", "info", "--output", "json").json
    assert (facts["images"], facts["blobs"], facts["size"], facts["actions"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("part", ["a layer", "the manifest", "a wheel"])
def test_damage_is_found_and_repaired(built: Project, part: str) -> None:
    # A remembered answer must not hide it.
    for path in built.root.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    before = report(built)
    assert report(built) == before
    wheel = built.lock("app")["platforms"]["linux/amd64"]["artifacts"][0]["sha256"]
    digests = {
        "a layer": before["platforms"][0]["layers"][1]["digest"],
        "the manifest": before["digest"],
        "a wheel": f"sha256:{wheel}",
    }
    damage(blob(built, digests[part]))
    outcome = built.run("cache", "verify")
    assert outcome.code == 4
    assert outcome.out.endswith(f": 1 wrong\n  set aside {digests[part]}\n")
    after = report(built)
    assert after["digest"] == before["digest"]
    assert after["status"] == ("exists" if part == "a wheel" else "built")
    assert built.succeed("cache", "verify").out.endswith(": 0 wrong\n")


def test_damage_leaves_the_cache_in_no_archive(built: Project) -> None:
    layer = report(built)["platforms"][0]["layers"][1]["digest"]
    damage(blob(built, layer))
    error = built.fail(4, "export", ":app", "--format", "oci-archive", "-o", "app.tar")
    assert (
        error == f"error: the blob `{layer}` is damaged\nhint: run `envbuild cache verify`, and build again\n"
    )


# What an image needs stays, however old; all else goes, and is made again when it is needed.
def test_gc(built: Project, index: FakeIndex) -> None:
    before = report(built)
    freed = built.succeed("cache", "gc", "--max-age", "0s", "--output", "json").json
    assert freed["blobs"] > 0
    layers = {layer["digest"] for layer in before["platforms"][0]["layers"]}
    assert all(blob(built, digest).is_file() for digest in layers)
    assert report(built) == before
    built.succeed("clean")
    index.requests.clear()
    assert report(built)["digest"] == before["digest"]
    assert any(path.startswith("/files/") for path in index.requests)


def test_gc_keeps_what_is_young(built: Project) -> None:
    assert built.succeed("cache", "gc").out == "removed 0 blobs, 0 B, 0 actions\n"


@pytest.mark.parametrize(
    ("option", "units"), [("--max-age", "`s`, `m`, `h`, `d`"), ("--max-size", "`k`, `m`, `g`")]
)
def test_amounts(project: Project, option: str, units: str) -> None:
    assert project.fail(2, "cache", "gc", option, "soon") == (
        f"error: `soon` is no amount\nhint: write a whole number and one of {units}\n"
    )


def test_clean(built: Project) -> None:
    before = report(built)
    assert built.succeed("clean").out == f"removed images from {built.cache}\n"
    assert built.images() == []
    after = report(built)
    assert (after["status"], after["digest"]) == ("cached", before["digest"])
    for folder in ("metadata", "debian", "channels", "quarantine"):
        (built.cache / folder / "kept").mkdir(parents=True, exist_ok=True)
    built.succeed("clean", "--all", "-q")
    assert {path.name for path in built.cache.iterdir()} == {"lease", "locks"}
    assert built.succeed("cache", "info", "--output", "json").json["blobs"] == 0
    assert report(built)["status"] == "built"
