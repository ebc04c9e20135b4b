"""A Debian base from the machine's own mirrors: locked, computed, unpacked, and run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy2

import pytest

from envbuild.archive.deb import write_deb_layer
from envbuild.archive.debian_root import write_root_layer
from envbuild.archive.debian_state import write_state_layer
from envbuild.archive.listing import Entry, find_overlaps
from envbuild.core.digest import Digest
from envbuild.core.platform import Platform
from envbuild.lock.model import DebianQuestion, Locked, PlatformLock
from envbuild.lock.resolve.debian import resolve_debian
from envbuild.sources.debian import DebianSource, Suite
from envbuild.sources.http import HttpClient
from envbuild.store.disk import DiskStore

pytestmark = pytest.mark.network

# A suite that no longer moves; only its main archive, not the updates that still come.
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "libpython3.11-stdlib", "libstdc++6", "python3.11-minimal", "tzdata")
PROGRAM = """
import bz2, ctypes, curses, grp, hashlib, lzma, os, platform, pwd, readline, sqlite3, ssl, uuid, zoneinfo
ctypes.CDLL("libstdc++.so.6")
assert ssl.create_default_context().cert_store_stats()["x509_ca"] > 100
assert sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
assert zoneinfo.ZoneInfo("Europe/Berlin").key
assert os.path.realpath("/etc/localtime").endswith("Etc/UTC")
assert (pwd.getpwnam("root").pw_dir, grp.getgrgid(0).gr_name) == ("/root", "root")
assert (os.readlink("/lib"), os.readlink("/var/run")) == ("usr/lib", "/run")
assert os.stat("/tmp").st_mode & 0o7777 == 0o1777
assert os.path.realpath("/usr/bin/awk") == "/usr/bin/mawk"
print(platform.python_version(), platform.machine())
"""


@dataclass(frozen=True)
class Depot:
    """A store, and the source that fills it."""

    source: DebianSource
    store: DiskStore

    def path(self, locked: Locked) -> Path:
        digest = Digest(locked.sha256, locked.size)
        if not self.store.has(digest):
            self.source.fetch(locked.file, digest, self.store.writer)
        return self.store.path(digest)

    def lock(self, architecture: str, *, essential: bool = False) -> PlatformLock:
        platform = Platform("linux", architecture)
        question = DebianQuestion("debian", SUITE, ("main",), PACKAGES, essential, platform)
        index = self.source.index(Suite(SUITE, ("main",), architecture))
        return resolve_debian(question, index, self.path)


@pytest.fixture(scope="module")
def depot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    folder = tmp_path_factory.mktemp("depot")
    http = HttpClient()
    yield Depot(DebianSource("debian", (), None, http, folder / "indexes"), DiskStore(folder / "store"))
    http.close()


def write_layers(depot: Depot, lock: PlatformLock, folder: Path) -> list[tuple[str, tuple[Entry, ...]]]:
    """All layers of a base as files in order; returns the packages' entries."""
    architecture = "arm64" if "_arm64.deb" in str(lock.artifacts) else "amd64"
    with (folder / "000").open("wb") as out:
        write_root_layer(out, architecture=architecture)
    entries = []
    for number, locked in enumerate(lock.artifacts, 1):
        with depot.path(locked).open("rb") as deb, (folder / f"{number:03}").open("wb") as out:
            entries.append((locked.name, write_deb_layer(deb, out).entries))
    debs = [depot.path(locked).open("rb") for locked in lock.artifacts]
    with (folder / "999").open("wb") as out:
        write_state_layer(debs, out)
    for deb in debs:
        deb.close()
    return entries


def unpack(layers: Path, root: Path) -> None:
    for layer in sorted(layers.iterdir()):
        subprocess.run(["tar", "-xzpf", layer, "-C", root, "--numeric-owner"], check=True)


def emulator(machine: str, root: Path) -> list[str]:
    """What runs another machine's programs in a root; it is linked statically and needs nothing there."""
    if machine == os.uname().machine:
        return []
    copy2(f"/usr/bin/qemu-{machine}-static", root / "emulator")
    return ["/emulator"]


def run_in(root: Path, *argv: str) -> str:
    return subprocess.run(["chroot", root, *argv], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", "x86_64"), ("arm64", "aarch64")])
def test_python_base(depot: Depot, tmp_path: Path, architecture: str, machine: str) -> None:
    lock = depot.lock(architecture)
    assert lock.facts == {"libc": "glibc 2.36", "python": "3.11.2", "interpreter": "/usr/bin/python3.11"}
    assert all(each.file.endswith((f"_{architecture}.deb", "_all.deb")) for each in lock.artifacts)
    layers, root = tmp_path / "layers", tmp_path / "root"
    layers.mkdir()
    root.mkdir()
    overlaps = find_overlaps(write_layers(depot, lock, layers))
    assert (overlaps.conflicts, overlaps.candidates) == ((), ())
    unpack(layers, root)
    loaders = {path.name for path in (root / "usr/lib").glob("**/ld-linux-*")}
    assert loaders == ({"ld-linux-x86-64.so.2"} if architecture == "amd64" else {"ld-linux-aarch64.so.1"})
    if os.getuid() == 0:
        argv = [*emulator(machine, root), "/usr/bin/python3.11", "-c", PROGRAM]
        assert run_in(root, *argv) == f"3.11.2 {machine}\n"


def test_essential_base(depot: Depot, tmp_path: Path) -> None:
    lock = depot.lock("amd64", essential=True)
    layers, root = tmp_path / "layers", tmp_path / "root"
    layers.mkdir()
    root.mkdir()
    write_layers(depot, lock, layers)
    unpack(layers, root)
    assert len((root / "etc/passwd").read_text().splitlines()) > 10
    if os.getuid() == 0 and os.uname().machine == "x86_64":
        script = "echo a b | awk '{print $2}' | sed s/b/c/ | grep c && id -un && which tar"
        assert run_in(root, "/bin/sh", "-ec", script).split() == ["c", "root", "/usr/bin/tar"]


def test_locking_again_moves_and_fetches_nothing(depot: Depot) -> None:
    lock = depot.lock("amd64")
    question = DebianQuestion(
        "debian",
        SUITE,
        ("main",),
        PACKAGES,
        essential=False,
        platform=Platform(),
        preferences={each.name: each for each in lock.artifacts},
    )

    def refuse(locked: Locked) -> Path:
        raise AssertionError(f"{locked.name} is known already")

    index = depot.source.index(Suite(SUITE, ("main",), "amd64"))
    assert resolve_debian(question, index, refuse) == lock
