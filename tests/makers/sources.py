"""A package index and a Debian mirror in one faulty site, and all the questions that are asked of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from envbuild.build.fetch import Fetcher, Owner
from envbuild.core.digest import Digest
from envbuild.core.events import Silent
from envbuild.lock.model import Locked
from envbuild.lock.registries import Registries
from envbuild.lock.resolve.answer import Descriptions
from envbuild.lock.resolve.candidates import Candidate, WheelFile
from envbuild.sources.channel import Channels
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.debian import DebianSource, Suite
from envbuild.sources.http import HttpClient, Patience
from envbuild.sources.index import PackageIndexes
from envbuild.sources.index_page import JSON
from envbuild.sources.registry import RegistryClient
from envbuild.sources.wheel_metadata import metadata_cache
from envbuild.store.disk import DiskStore
from tests.makers.debian import Deb, Mirror, Signer, entry
from tests.makers.faulty import Asked, File, Site
from tests.makers.index import IndexedFile, html_page, json_page, make_package

PAUSE: Final = 0.5
USUAL: Final = Patience(pause=PAUSE)
SUITE: Final = Suite("stable", ("main",), "amd64")
TOOL: Final = Deb("tool", "1.0-1", [entry("./usr/bin/tool", bytes(range(256)) * 40)])
ALPHA: Final = make_package("alpha", "1.0", ["dep>=1"])
BETA: Final = make_package("beta", "1.0", ["dep>=2"])
# Its METADATA lies far from its end: to read it takes a second request.
GAMMA: Final = make_package("gamma", "1.0", ["dep>=3"], payload=b"\xa5" * 200_000, metadata_first=True)
DELTA: Final = make_package("delta", "1.0", ["dep>=4"], payload=b"\x5a" * 200_000, metadata_first=True)


def index_files(*packages: tuple[str, bytes], json: bool = False) -> dict[str, File]:
    """The pages and files of an index, a page for each wheel."""
    files = {}
    for name, data in packages:
        page = [IndexedFile(name, data, Digest.of(data).hash)]
        shown = File(json_page(page), JSON) if json else File(html_page(page), "text/html")
        files[f"/simple/{name.partition('-')[0]}/"] = shown
        files[f"/files/{name}"] = File(data)
    return files


def add_metadata(files: Mapping[str, File]) -> dict[str, File]:
    """The same index with each wheel's METADATA beside it, and its sha256 on the page (PEP 658)."""
    found = dict(files)
    for path, file in files.items():
        if path.endswith(".whl"):
            name = path.rpartition("/")[2]
            page = f"/simple/{name.partition('-')[0]}/"
            with zipfile.ZipFile(io.BytesIO(file.data)) as wheel:
                (member,) = (each for each in wheel.namelist() if each.endswith("/METADATA"))
                text = wheel.read(member)
            # Before PEP 714, pip read the first.
            marks = (
                f'data-{word}-metadata="sha256={Digest.of(text).hash}"' for word in ("dist-info", "core")
            )
            marked = found[page].data.replace(b"<a", f"<a {' '.join(marks)}".encode())
            found |= {f"{path}.metadata": File(text), page: replace(found[page], data=marked)}
    return found


def mirror_files(root: Path, signer: Signer) -> dict[str, File]:
    """A mirror with two suites; the signatures of `stable` are within and beside its release file."""
    found: dict[str, File] = {}
    for detached in (True, False):
        mirror = Mirror(root, signer)
        mirror.publish("stable", [TOOL, Deb("other")], detached=detached)
        mirror.publish("old", [Deb("tool", "0.1")])
        paths = (path for path in root.rglob("*") if path.is_file())
        found |= {f"/debian/{path.relative_to(root).as_posix()}": File(path.read_bytes()) for path in paths}
    return found


@dataclass(frozen=True)
class StatedSources:
    """Where a Fetcher gets things from."""

    indexes: PackageIndexes
    mirrors: Mapping[str, DebianSource]
    registries: Registries
    channels: Channels


@dataclass(frozen=True)
class World:
    """Everything that asks, with caches below `folder`; waiting takes no time and is written down."""

    site: Site
    folder: Path
    keyring: Path
    patience: Patience = USUAL
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "http", HttpClient(patience=self.patience, wait=self.waits.append))

    http: HttpClient = field(init=False)

    @property
    def indexes(self) -> PackageIndexes:
        return PackageIndexes(self.http, {"pypi": f"{self.site.url}/simple"})

    @property
    def mirror(self) -> DebianSource:
        url = f"{self.site.url}/debian"
        return DebianSource("debian", (url,), self.keyring, self.http, self.folder / "debian")

    @property
    def store(self) -> DiskStore:
        return DiskStore(self.folder)

    def kept(self) -> list[str]:
        """The files that are left in the caches."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in files)

    def fetch(self, artifact: Locked) -> bytes:
        """What a build gets for a line of a lock."""

        def owner(_: Locked) -> Owner:
            return Owner("//:app", SUITE)

        def connect(host: str) -> RegistryClient:
            return RegistryClient(self.http, host, DockerCredentials({}))

        mirrors, registries = {"debian": self.mirror}, Registries(connect, {})
        sources = StatedSources(self.indexes, mirrors, registries, Channels(self.http, {}))
        fetcher = Fetcher(self.store, self.http, sources, owner, Silent())
        fetcher.fetch(artifact)
        return self.store.read(Digest(artifact.sha256, artifact.size))

    def describe(self, file: tuple[str, bytes]) -> object:
        """What a lock gets to know of a wheel."""
        project, sha256 = file[0].partition("-")[0], Digest.of(file[1]).hash
        offered = WheelFile(file[0], f"{self.site.url}/files/{file[0]}", sha256)
        describe = Descriptions(self.indexes, metadata_cache(self.folder / "metadata"), max_wheel=1 << 22)
        found = describe.remote(Candidate(project, "1.0", "pypi", (offered,)), offered)
        return found.size, found.values("Requires-Dist")


def not_the_end(asked: Asked) -> bool:
    """Not a request for the last bytes, however many the file has."""
    return not asked.range.startswith("bytes=-")


def not_the_signature(asked: Asked) -> bool:
    """The release file, and not the signature beside it."""
    return not asked.path.endswith(".gpg")


def from_somewhere(asked: Asked) -> bool:
    """A request for a part that begins at a stated byte."""
    return asked.range.startswith("bytes=") and not_the_end(asked)


@dataclass(frozen=True)
class Question:
    """Something that is asked of a source, and the requests among which a fault is made.

    `names` are what an error must name. A fault is at those requests to `path` that `which` tells, and gives
    the bytes of `other` where it mixes files up. `resumed` means that the first answer breaks off.
    """

    name: str
    ask: Callable[[World], object]
    right: object
    path: str
    other: str
    names: Sequence[str]
    which: Callable[[Asked], bool] = lambda asked: True
    resumed: bool = False
    ranges: bool = True  # whether the server knows ranges
    json: bool = False
    dropped: str = ""  # what the mirror lacks: all paths that hold this

    def matches(self, asked: Asked) -> bool:
        """Whether this is one of the requests at which the fault is made."""
        return self.path in asked.path and self.which(asked)

    def files(self, mirror: Mapping[str, File]) -> dict[str, File]:
        """What the site has."""
        files = {**mirror, **index_files(ALPHA, BETA, GAMMA, DELTA, json=self.json)}
        return {path: file for path, file in files.items() if not (self.dropped and self.dropped in path)}


def lock_file(file: tuple[str, bytes], source: str = "pypi") -> Locked:
    """A line of a lock for a wheel."""
    digest = Digest.of(file[1])
    return Locked("wheel", file[0].partition("-")[0], "1.0", source, file[0], digest.hash, digest.size)


def lock_deb(deb: Deb) -> Locked:
    """A line of a lock for a .deb."""
    digest = Digest.of(deb.build())
    return Locked("deb", deb.name, deb.version, "debian", deb.file, digest.hash, digest.size)


def _fetch_url(world: World) -> object:
    wheel = lock_file(ALPHA, "")
    url = f"{world.site.url}/files/{ALPHA[0]}"
    return world.fetch(Locked("wheel", "alpha", "1.0", "", url, wheel.sha256, wheel.size))


_WHEEL, _BETA, _DELTA = (f"/files/{name}" for name, _ in (ALPHA, BETA, DELTA))
_INDEX = ("`pypi`", "alpha")
_DISTS, _OLD = "/debian/dists/stable", "/debian/dists/old/InRelease"
_POOL = f"/debian/{TOOL.file}"


def _wheel(path: str) -> Question:
    return Question("wheel", lambda world: world.fetch(lock_file(ALPHA)), ALPHA[1], path, _BETA, _INDEX)


def _suite(name: str, path: str) -> Question:
    def ask(world: World) -> object:
        return tuple(sorted(world.mirror.index(SUITE).names))

    return Question(name, ask, ("other", "tool"), path, _OLD, ("`debian`", "`stable`"))


def _peek(file: tuple[str, bytes], edge: str) -> Question:
    project, other = file[0].partition("-")[0], _BETA if file is ALPHA else _DELTA
    right, names = (len(file[1]), (edge,)), ("`pypi`", project)
    return Question("metadata", lambda world: world.describe(file), right, f"/files/{file[0]}", other, names)


def _deb() -> Question:
    other, names = _POOL.replace("tool", "other").replace("/t/", "/o/"), ("`debian`", "tool")
    return Question("deb", lambda world: world.fetch(lock_deb(TOOL)), TOOL.build(), _POOL, other, names)


_PAGE = replace(_wheel("/simple/alpha/"), name="page-html", other="/simple/beta/")
_PACKAGES = f"{_DISTS}/main/binary-amd64"

QUESTIONS: Final = (
    _PAGE,
    replace(_PAGE, name="page-json", json=True),
    replace(_PAGE, name="has", ask=lambda world: world.indexes.has("pypi", "alpha"), right=True),
    _wheel(_WHEEL),
    replace(_wheel(_WHEEL), name="wheel-resumed", which=from_somewhere, resumed=True),
    replace(_wheel(_WHEEL), name="wheel-of-url", ask=_fetch_url, names=(ALPHA[0],)),
    _peek(ALPHA, "dep>=1"),
    replace(_peek(GAMMA, "dep>=3"), name="metadata-far", which=from_somewhere),
    replace(_peek(ALPHA, "dep>=1"), name="metadata-whole", which=not_the_end, ranges=False),
    _suite("release", f"{_DISTS}/InRelease"),
    replace(
        _suite("release-beside", f"{_DISTS}/Release"), which=not_the_signature, dropped="stable/InRelease"
    ),
    replace(_suite("signature", f"{_DISTS}/Release.gpg"), dropped="stable/InRelease"),
    _suite("by-hash", f"{_PACKAGES}/by-hash/"),
    replace(_suite("packages", f"{_PACKAGES}/Packages"), dropped="/by-hash/"),
    _deb(),
    replace(_deb(), name="deb-resumed", which=from_somewhere, resumed=True),
)
