"""The example of a conda environment, on a channel made of Debian's Python and of wheels."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Built, Sources
from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import LONG_PLACEHOLDER
from tests.makers.docker import Docker
from tests.makers.examples import REPOSITORY, seed_blobs
from tests.makers.faithful_channel import make_faithful_channel
from tests.makers.project import Project
from tests.makers.roots import require_sandbox
from tests.makers.servers import require_programs
from tests.makers.stored import StoredImage

pytestmark = pytest.mark.network

ANALYSIS = "//:analysis"
PREFIX = "opt/env"
MACHINES = {"linux/amd64": 62, "linux/arm64": 183}  # e_machine of the ELF header
PRINTED = """\
|   measured |   smoothed |
|-----------:|-----------:|
|          0 |    0       |
|          1 |    0.5     |
|          4 |    1.66667 |
|          9 |    4.66667 |
|         16 |    9.66667 |
python 3.11.2 of 23 conda packages in /opt/env
activated /opt/env 1
"""
OPENSSL = "OpenSSL 3.0."
PROGRAMS = {
    "python": (["python", "-c", "import numpy, pandas; print(numpy.__file__)"], f"/{PREFIX}/lib/python3.11/"),
    "pip of conda": (["pip", "list", "--format=freeze"], "numpy==2.4.6\npandas==3.1.1\npip==26.3\n"),
    "pip is content": (["python", "-m", "pip", "check"], "No broken requirements found.\n"),
    "script of conda": (["f2py", "-v"], "2.4.6\n"),
    "script of an index": (["tabulate", "--help"], "Usage: tabulate "),
    "script of our own": (["rolling", "1", "2", "6"], "1.0 1.5 3.0\n"),
    "libraries by a binary prefix": (["openssl", "version"], OPENSSL),
    "zones by a text prefix": (
        ["python", "-c", "import zoneinfo; print(zoneinfo.TZPATH[0], zoneinfo.ZoneInfo('Asia/Tokyo'))"],
        f"/{PREFIX}/share/zoneinfo Asia/Tokyo\n",
    ),
}


def copy_example(project: Project, channel: Channel, sources: Sources) -> Project:
    """The example's workspace with its channel, and packages from loopback otherwise."""
    folder = REPOSITORY / "examples" / "conda"
    ignored = shutil.ignore_patterns("channel", "__pycache__")
    shutil.copytree(folder, project.root, ignore=ignored, dirs_exist_ok=True, copy_function=shutil.copyfile)
    shutil.copytree(channel.root, project.root / "channel", copy_function=os.link)
    settings = (folder / "envbuild.yaml").read_text()
    debian = f'  - debian: {{name: debian, urls: ["{sources.url}/debian"]}}\n'
    project.write({"envbuild.yaml": settings + debian})
    return project.with_variables(UV_DEFAULT_INDEX=f"{sources.url}/simple")


@pytest.fixture(scope="module")
def example(channel: Channel, sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example, built from an empty cache."""
    project = copy_example(Project(tmp_path_factory.mktemp("conda")), channel, sources)
    project.succeed("build")
    return project


@pytest.fixture(scope="module")
def image(example: Project) -> StoredImage:
    """Its image."""
    target = example.succeed("build", ANALYSIS, "--no-memo", "--output", "json").target
    assert target["status"] == "exists"
    return StoredImage(example.cache / "images" / target["image"].removeprefix("envs/"))


@pytest.fixture(scope="module")
def root(image: StoredImage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files."""
    return image.unpack("linux/amd64", tmp_path_factory.mktemp("unpacked") / "root")


def test_the_channel_has_the_same_bytes_wherever_it_is_made(
    built: Built, channel: Channel, tmp_path: Path
) -> None:
    again = make_faithful_channel(tmp_path / "again", built.project.cache)
    assert again.files() == channel.files()
    names = {subdir: channel.names(subdir) for subdir in ("linux-64", "linux-aarch64", "noarch")}
    assert names["linux-64"] == names["linux-aarch64"] >= {"python", "numpy", "pandas", "openssl"}
    assert names["noarch"] >= {"pip", "tabulate", "tzdata"}


def test_the_lock_is_fresh_and_would_be_made_again(
    channel: Channel, sources: Sources, tmp_path: Path
) -> None:
    project = copy_example(Project(tmp_path), channel, sources)
    assert project.succeed("lock", "--check").out == "locks are fresh\n"
    before = project.contents()
    (project.root / "analysis.lock.json").unlink()
    project.succeed("lock", ANALYSIS)
    assert project.contents() == before


def test_another_folder_and_cache_make_the_same_image(
    example: Project, image: StoredImage, channel: Channel, sources: Sources, tmp_path: Path
) -> None:
    project = copy_example(Project(tmp_path), channel, sources)
    # Half of the packages are there already.
    seed_blobs(example, project, sorted(digests(example))[::2])
    target = project.succeed("build", ANALYSIS, "--jobs", "1", "--output", "json").target
    assert target["digest"] == image.digest
    assert image.violations() == ()


def digests(project: Project) -> set[str]:
    """The sha256 of each conda package in the lock."""
    platforms = project.lock("analysis")["platforms"].values()
    return {each["sha256"] for part in platforms for each in part["artifacts"] if each["kind"] == "conda"}


@pytest.mark.parametrize("platform", MACHINES)
def test_programs_are_of_the_architecture(image: StoredImage, platform: str) -> None:
    programs = {path: head for path, head in image.heads(platform) if head.startswith(b"\x7fELF")}
    assert f"{PREFIX}/bin/python3.11" in programs
    assert {int.from_bytes(head[18:20], "little") for head in programs.values()} == {MACHINES[platform]}


@pytest.mark.services
def test_python_of_another_architecture_runs(image: StoredImage, tmp_path: Path) -> None:
    emulator = "qemu-aarch64-static"
    require_programs(emulator, root=True)
    root = image.unpack("linux/arm64", tmp_path / "root")
    shutil.copy(shutil.which(emulator) or emulator, root / "emulator")
    script = "import platform, ssl, numpy; print(platform.machine(), numpy.ones(3).sum())"
    command = ["chroot", str(root), "/emulator", f"/{PREFIX}/bin/python", "-c", script]
    search = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=search, capture_output=True, text=True, check=True)
    assert done.stdout == "aarch64 3.0\n"


def test_conda_meta_lists_what_is_there(example: Project, root: Path) -> None:
    prefix = root / PREFIX
    records = [json.loads(path.read_bytes()) for path in sorted(prefix.glob("conda-meta/*.json"))]
    platform = example.lock("analysis")["platforms"]["linux/amd64"]
    locked = {(each["name"], each["version"]) for each in platform["artifacts"] if each["kind"] == "conda"}
    assert {(record["name"], record["version"]) for record in records} == locked
    listed = [path for record in records for path in record["files"]]
    assert len(listed) == len(set(listed)) > 5000
    assert set(listed) == set(files_below(prefix)) - set(unlisted(prefix))
    for record in records:
        for entry in record["paths_data"]["paths"]:
            assert_is_as_recorded(prefix / entry["_path"], entry)


def assert_is_as_recorded(path: Path, entry: dict[str, Any]) -> None:
    if entry["path_type"] == "softlink":
        assert path.is_symlink()
        return
    data = path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry.get("sha256_in_prefix", entry["sha256"]), path
    assert LONG_PLACEHOLDER.encode() not in data, path


def files_below(prefix: Path) -> Iterator[str]:
    """The files and links of a folder."""
    for path in prefix.rglob("*"):
        if path.is_symlink() or path.is_file():
            yield path.relative_to(prefix).as_posix()


def unlisted(prefix: Path) -> Iterator[str]:
    """What no conda package brought: the records themselves, and what pip's records list."""
    for path in files_below(prefix):
        if path.startswith("conda-meta/"):
            yield path
    site = prefix / "lib/python3.11/site-packages"
    for name in ("rolling-1.0", "tabulate-0.10.0"):
        for line in (site / f"{name}.dist-info/RECORD").read_text().splitlines():
            path = os.path.normpath(site / line.split(",", 1)[0])
            yield Path(path).relative_to(prefix).as_posix()


def test_conda_reads_the_records(root: Path) -> None:
    from rattler import PrefixRecord

    for path in (root / PREFIX / "conda-meta").glob("*.json"):
        assert PrefixRecord.from_path(path).file_name.startswith(path.stem)


def test_nothing_of_this_machine_is_in_it(example: Project, channel: Channel, root: Path) -> None:
    hosts = (str(example.top).encode(), str(channel.root).encode())
    for path in (root / PREFIX / "conda-meta").iterdir():
        assert not any(host in path.read_bytes() for host in hosts), path


@pytest.mark.parametrize("program", [None, *PROGRAMS])
def test_it_runs_in_the_sandbox(example: Project, program: str | None) -> None:
    require_sandbox()
    command, printed = PROGRAMS[program] if program else ([], PRINTED)
    assert printed in example.succeed("run", ANALYSIS, *(["--", *command] if command else [])).out


@pytest.mark.services
def test_it_runs_in_an_engine(example: Project, engine: str) -> None:
    docker = Docker(engine)
    loaded = example.with_variables(DOCKER_HOST=engine)
    name = loaded.succeed("load", ANALYSIS, "--output", "json").json["image"]
    printed = docker("run", "--rm", "--network=none", name).decode()
    assert printed.startswith(PRINTED + OPENSSL)
    for program in ("pip of conda", "script of an index", "libraries by a binary prefix"):
        command, expected = PROGRAMS[program]
        assert expected in docker("run", "--rm", "--network=none", name, *command).decode()
