"""Real metadata of channels: all of it is read, and solved as rattler alone solves it.

`ENVBUILD_CONDA_DATA` names a folder of channels (`CHANNEL/SUBDIR/repodata.json`, or `.zst`); without it,
these tests are left out. The packages themselves need not be there.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import zstandard
from rattler import Channel, GenericVirtualPackage, MatchSpec, PackageName, SparseRepoData, Version
from rattler import solve_with_sparse_repodata as rattler_solve
from rattler.exceptions import SolverError
from rattler.package import BuildString

from envbuild.core.digest import Digest
from envbuild.core.errors import ResolveError, SourceError
from envbuild.core.events import Silent
from envbuild.core.platform import Platform
from envbuild.lock.check_conda import check_conda, conda_inputs, spec_name
from envbuild.lock.model import CondaQuestion, Locked
from envbuild.lock.resolve.conda_rattler import CondaResolver
from envbuild.lock.resolve.conda_records import lock_record
from envbuild.sources.channel import Address, Channels
from envbuild.sources.channel_index import ChannelIndexes
from envbuild.sources.http import HttpClient
from envbuild.spec.conda.match_spec import check_match_spec
from envbuild.spec.conda.model import ExactPackage

DATA = os.environ.get("ENVBUILD_CONDA_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="for want of real metadata in ENVBUILD_CONDA_DATA")

PLATFORM = Platform("linux", "amd64")
VIRTUAL = ("__glibc=2.36=0", "__linux=5.10=0", "__unix=0=0")
# One of each form, in what one of the channels has.
SPECS: Sequence[tuple[str, ...]] = (
    ("python",),
    ("python=3.9",),
    ("python 3.9.*",),
    ("python>=3.8,<3.10",),
    ("python >=3.8,!=3.9.1", "pip"),
    ("python=3.6|3.7",),
    ("python[version='>=3.6',build_number='>=1']",),
    ("openssl 1.1.*",),
    ("zlib 1.2.11 *_0",),
    ("numpy=1.14=py36*",),
    ("numpy", "blas=*=mkl"),
    ("numpy==1.15.0",),
    ("pandas", "dask"),
    ("here::scipy", "python=3.6"),
    ("six", "python_abi=3.9"),
    ("numpy 1.14.*", "numpy >=1.15"),
    ("nothing-of-this-name",),
)


class Absent:
    """The packages of a channel of which there is only metadata: their files tell nothing."""

    def measure(self, channel: str, file: str, md5: str) -> tuple[str, int]:
        return Digest.of(f"{file} {md5}".encode()).hash, 1

    def paths(self, package: Locked) -> Sequence[str]:
        return ()

    def scripts(self, package: Locked, paths: Collection[str]) -> Mapping[str, str]:
        return {}

    def index(self, exact: ExactPackage) -> tuple[Mapping[str, bytes], Digest]:
        raise SourceError(f"`{exact.url}` is not there")


def channels() -> list[Path]:
    """The folders that are channels."""
    return sorted({path.parents[1] for path in Path(DATA).glob("*/*/repodata.json*")}) if DATA else []


@pytest.fixture(params=channels(), ids=lambda path: path.name)
def channel(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A channel with plain indexes."""
    for path in request.param.glob("*/repodata.json*"):
        plain = tmp_path / "channel" / path.parent.name / "repodata.json"
        plain.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes()
        plain.write_bytes(zstandard.decompress(data) if path.suffix == ".zst" else data)
    return tmp_path / "channel"


def indexes(channel: Path) -> Iterator[SparseRepoData]:
    for path in sorted(channel.glob("*/repodata.json")):
        yield SparseRepoData(Channel("here"), path.parent.name, path)


def ask(*specs: str) -> CondaQuestion:
    return CondaQuestion(specs, ("here",), "strict", VIRTUAL, PLATFORM)


def test_every_record_is_one_that_a_lock_can_have(channel: Path) -> None:
    found = 0
    for index in indexes(channel):
        for name in index.package_names():
            for record in index.load_records(name):
                locked = lock_record(record, ask(), Absent())
                assert (locked.name, locked.version) == (name, str(record.version))
                assert list(locked.requires) == json.loads(record.to_json())["depends"]
                found += 1
    assert found > 100


def test_every_match_spec_is_read(channel: Path) -> None:
    texts: set[str] = set()
    for index in indexes(channel):
        for name in index.package_names():
            for record in index.load_records(name):
                texts.update(record.depends, record.constrains)
    assert texts
    for text in texts:
        assert check_match_spec(text) == " ".join(text.split())
        assert MatchSpec(text).name.normalized == spec_name(text)


@pytest.mark.parametrize("specs", SPECS, ids=" and ".join)
def test_the_solution_is_rattler_s(channel: Path, tmp_path: Path, specs: tuple[str, ...]) -> None:
    expected = ask_rattler(channel, specs)
    known = Channels(HttpClient(), {"here": Address((channel.as_uri(),))})
    resolver = CondaResolver(ChannelIndexes(known, tmp_path / "kept", Silent()), Absent())
    question = ask(*specs)
    if expected is None:
        with pytest.raises(ResolveError):
            resolver.resolve(question)
        return
    part = resolver.resolve(question)
    assert [each.file for each in part.artifacts] == expected
    assert list(check_conda(part, question, conda_inputs([question]))) == []


def ask_rattler(channel: Path, specs: Sequence[str]) -> list[str] | None:
    """The files that rattler alone chooses, in order of the packages' names; None where it finds nothing."""
    parts = [text.split("=") for text in VIRTUAL]
    offered = [GenericVirtualPackage(PackageName(n), Version(v), BuildString(b)) for n, v, b in parts]
    data = [each for each in indexes(channel) if each.subdir in ("linux-64", "noarch")]
    try:
        found = asyncio.run(
            rattler_solve([MatchSpec(text) for text in specs], data, virtual_packages=offered)
        )
    except SolverError:
        return None
    return [
        f"{each.subdir}/{each.file_name}" for each in sorted(found, key=lambda each: each.name.normalized)
    ]
