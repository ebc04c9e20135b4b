"""What is damaged, cut short or gone in the cache is a miss: made or fetched again, with the same digests."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from tests.makers.index import FakeIndex, make_package, run_index
from tests.makers.project import Project, environment, name_indexes
from tests.makers.stored import StoredImage

NAMES = [f"package{letter}" for letter in "abcdefghijkl"]  # enough for two in one layer


@dataclass(frozen=True)
class Example:
    """A built project, and blobs of each kind, of one package where that makes a difference."""

    project: Project
    digest: str
    blobs: dict[str, Path]

    def build(self) -> str:
        """The digest of the image, asked for as if nothing was remembered."""
        return str(self.project.succeed("build", "--no-memo", "--output", "json").target["digest"])


@pytest.fixture(scope="module")
def packages() -> Iterator[FakeIndex]:
    with run_index(*(make_package(name, payload=name.encode() * 500) for name in NAMES)) as index:
        yield index


@pytest.fixture(scope="module")
def built(packages: FakeIndex, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("built")).write(
        {"envbuild.yaml": name_indexes(pypi=packages.url), "BUILD.yaml": environment(pip=NAMES)}
    )
    project.succeed("lock")
    project.succeed("build")
    return project


@pytest.fixture
def example(built: Project, tmp_path: Path) -> Example:
    project = Project(copytree(built.top, tmp_path / "copy", symlinks=True))
    target = project.succeed("build", "--output", "json").target
    (image,) = map(StoredImage, (project.cache / "images").iterdir())
    manifest = image.manifest("linux/amd64")
    folder = project.cache / "blobs" / "sha256"
    layers = target["platforms"][0]["layers"]
    merged = next(layer for layer in layers if len(layer["packages"]) > 1)
    name = merged["packages"][0].split()[0]
    artifacts = project.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    (locked,) = (each for each in artifacts if each["name"] == name)
    final = {layer["digest"].removeprefix("sha256:") for layer in layers}
    (single,) = (path for path in folder.iterdir() if path.name not in final and holds(path, f"{name}.bin"))
    blobs = {
        "manifest": folder / image.blob(image.root).name,
        "config": folder / image.blob(manifest["config"]).name,
        "final layer": folder / merged["digest"].removeprefix("sha256:"),
        "intermediate layer": single,
        "fetched wheel": folder / locked["sha256"],
    }
    return Example(project, target["digest"], blobs)


def holds(path: Path, name: str) -> bool:
    """Whether a blob is a layer with a file of this name."""
    data = path.read_bytes()
    return data[:2] == b"\x1f\x8b" and name.encode() in gzip.decompress(data)


def flip(path: Path) -> None:
    """Change a bit, and neither size nor time: nothing but reading it tells."""
    found = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    path.chmod(0o444)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size - 1)
    path.chmod(0o444)


DAMAGES: dict[str, Callable[[Path], None]] = {"damaged": flip, "cut short": truncate, "gone": Path.unlink}
PARTS = ["manifest", "config", "final layer", "intermediate layer", "fetched wheel"]


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("part", PARTS)
def test_all_is_made_again(example: Example, part: str, how: str) -> None:
    """Of a cache without results and images, whatever is left is not trusted either."""
    path = example.blobs[part]
    right = path.read_bytes()
    DAMAGES[how](path)
    for name in ("actions", "images"):
        rmtree(example.project.cache / name)
    assert example.build() == example.digest
    assert path.read_bytes() == right
    assert example.project.succeed("cache", "verify").out.endswith(": 0 wrong\n")


# What nobody reads is not read to see whether it is damaged: `cache verify` does that.
@pytest.mark.parametrize(
    ("part", "how"),
    [
        *((part, how) for part in ("manifest", "config") for how in DAMAGES),
        ("final layer", "cut short"),
        ("final layer", "gone"),
        ("intermediate layer", "cut short"),
        ("intermediate layer", "gone"),
    ],
)
def test_a_result_without_its_blobs_is_no_result(example: Example, part: str, how: str) -> None:
    path = example.blobs[part]
    right = path.read_bytes()
    DAMAGES[how](path)
    # Of an image that is there, only the blobs that it names count.
    if part == "intermediate layer":
        example.blobs["final layer"].unlink()
    assert example.build() == example.digest
    assert path.read_bytes() == right


@pytest.mark.parametrize(
    ("part", "above"), [("fetched wheel", "intermediate layer"), ("intermediate layer", "final layer")]
)
def test_damage_gets_into_nothing_that_is_made_of_it(example: Example, part: str, above: str) -> None:
    """The result above is gone, the damaged one has its size: it is seen when it is read, and made anew."""
    path, lost = example.blobs[part], example.blobs[above]
    right = path.read_bytes(), lost.read_bytes()
    flip(path)
    lost.unlink()
    example.blobs["final layer"].unlink(missing_ok=True)
    outcome = example.project.succeed("build", "--no-memo", "--output", "json")
    assert outcome.target["digest"] == example.digest
    assert (path.read_bytes(), lost.read_bytes()) == right
    assert "damaged blobs were set aside, and are made or fetched again" in outcome.err


def test_damage_that_nobody_can_mend(example: Example, packages: FakeIndex) -> None:
    path = example.blobs["fetched wheel"]
    flip(path)
    for name in ("actions", "images"):
        rmtree(example.project.cache / name)
    packages.statuses.update(dict.fromkeys(NAMES, 404))
    error = example.project.fail(4, "build")
    packages.statuses.clear()
    assert "has no package" in error
    assert not path.exists()
    assert example.project.images() == []
