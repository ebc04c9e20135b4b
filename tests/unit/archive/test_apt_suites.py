"""What is told of a root's own apt, by files in the styles of real images."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Mapping

import pytest

from envbuild.archive.apt_entries import read_entries
from envbuild.archive.apt_suites import find_suites
from envbuild.archive.decompress import open_compressed
from envbuild.archive.root_facts import is_telling
from envbuild.archive.root_scan import RootScan
from envbuild.lock.fields import facts
from tests.makers.debian import entry, link, make_tar

LIST = "etc/apt/sources.list"
PARTS = "etc/apt/sources.list.d"
THREE = "bookworm bookworm-security bookworm-updates"


def tell(files: Mapping[str, str], code: str = "bookworm", architecture: str = "amd64") -> Mapping[str, str]:
    """What is told of these files, which a lock must be able to hold."""
    root = RootScan(is_telling)
    tar = make_tar([entry(path, text.encode()) for path, text in files.items()])
    root.add_layer(open_compressed(io.BytesIO(tar), "", limit=1 << 20))
    return facts(find_suites(root, code, architecture), "the test")


# Debian's own image since bookworm, and Python's on it.
OFFICIAL = """\
Types: deb
# http://snapshot.example.org/archive/debian/20250520T000000Z
URIs: http://deb.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
# http://snapshot.example.org/archive/debian-security/20250520T000000Z
URIs: http://deb.example.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
# Before, and what mmdebstrap and debootstrap write.
LINES = """\
# deb http://snapshot.example.org/archive/debian/20230101T000000Z bullseye main
deb http://deb.example.org/debian bullseye main
# deb http://snapshot.example.org/archive/debian-security/20230101T000000Z bullseye-security main
deb http://deb.example.org/debian-security bullseye-security main
deb\thttp://deb.example.org/debian   bullseye-updates\tmain # with what was mended
deb-src http://deb.example.org/debian bullseye-backports contrib
"""
UBUNTU = """\
## See the manual
Types: deb
URIs: http://archive.example.org/ubuntu/
Suites: noble noble-updates noble-backports
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

## Ubuntu security updates.
Types: deb
URIs: http://security.example.org/ubuntu/
Suites: noble-security
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""
OLD_UBUNTU = """\
deb http://archive.example.org/ubuntu/ jammy main restricted
# deb-src http://archive.example.org/ubuntu/ jammy main restricted
deb http://archive.example.org/ubuntu/ jammy-updates universe
deb http://archive.example.org/ubuntu/ jammy-backports main restricted universe multiverse
deb http://security.example.org/ubuntu/ jammy-security main restricted
"""
AREAS = "main multiverse restricted universe"


SNAPSHOT = "deb [check-valid-until=no arch=amd64] http://m/debian/20240101T000000Z bookworm main\n"
FOLDER = "deb http://m/debian buster main\ndeb http://m/debian-security buster/updates main\n"
STABLE = "deb http://m/debian stable main\ndeb http://m/debian-security stable-security main\n"
# A field that goes on, and the line ends of Windows.
FOLDED = OFFICIAL.replace("Suites: bookworm ", "Suites:\n bookworm\n ").replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("path", "text", "code", "suites", "components"),
    [
        (f"{PARTS}/debian.sources", OFFICIAL, "bookworm", THREE, "main"),
        (LIST, LINES, "bullseye", "bullseye bullseye-security bullseye-updates", "main"),
        (f"{PARTS}/ubuntu.sources", UBUNTU, "noble", "noble noble-security noble-updates", AREAS),
        (LIST, OLD_UBUNTU, "jammy", "jammy jammy-security jammy-updates", "main restricted universe"),
        # Security updates were a folder of the suite.
        (LIST, FOLDER, "buster", "buster buster/updates", "main"),
        # A snapshot has expired by design.
        (LIST, SNAPSHOT, "bookworm", "bookworm", "main"),
        (
            LIST,
            "deb [ trusted=yes ] http://m bookworm main contrib\n",
            "bookworm",
            "bookworm",
            "contrib main",
        ),
        (LIST, "deb mirror+file:/etc/apt/mirrors.txt bookworm main\n", "bookworm", "bookworm", "main"),
        (f"{PARTS}/a.list", "deb http://m x-proposed-updates main\n", "x", "x-proposed-updates", "main"),
        (f"{PARTS}/a.sources", FOLDED, "bookworm", THREE, "main"),
        # What moves is what it was then; what never gets a code name keeps its own.
        (LIST, STABLE, "bookworm", "bookworm bookworm-security", "main"),
        (LIST, "deb http://m/debian testing main\n", "forky", "forky", "main"),
        (LIST, "deb http://m/debian unstable main\n", "forky", "sid", "main"),
        (LIST, "deb http://m/debian sid main\n", "", "sid", "main"),
    ],
)
def test_real_styles(path: str, text: str, code: str, suites: str, components: str) -> None:
    assert tell({path: text}, code) == {"suites": suites, "components": components}


VENDORS = {
    "docker.list": "deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://d bookworm stable\n",
    # Its suites and areas are called as Debian's.
    "maker.list": "deb [signed-by=/usr/share/keyrings/maker-archive-keyring.gpg] https://h bookworm main\n",
    "node.sources": OFFICIAL.replace("debian-archive-keyring", "node"),
    "pgdg.list": "deb https://p/pub/repos/apt bookworm-pgdg main\n",
    "chrome.list": "deb http://c/linux/chrome/deb/ stable main\n",
    "cloud.list": "deb https://g/apt cloud-sdk-bookworm main\n",
    "cuda.list": "deb [signed-by=/k/cuda.gpg] https://n/compute/cuda/repos/debian12/x86_64/ /\n",
    "flat.list": "deb http://flat/$(ARCH)/ ./\n",
    "mysql.list": "deb http://m/apt/debian bookworm mysql-8.0\n",
    "inline.sources": "Types: deb\nURIs: http://i\nSuites: bookworm\nComponents: main\n"
    "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEZ\n -----END PGP PUBLIC KEY BLOCK-----\n",
    "ppa.list": "deb https://ppa.launchpadcontent.net/somebody/ppa/ubuntu bookworm main\n",
    "elsewhere.list": "deb http://m/debian trixie main\n",
}


@pytest.mark.parametrize("name", VENDORS)
def test_what_others_offer_is_left_out(name: str) -> None:
    files = {f"{PARTS}/debian.sources": OFFICIAL, f"{PARTS}/{name}": VENDORS[name]}
    expected = {"suites": THREE, "components": "main", "left_out": f"/{PARTS}/{name}"}
    assert tell(files) == expected


def test_others_in_the_same_file() -> None:
    lines = f"deb http://m/debian bookworm main\n{VENDORS['mysql.list']}"
    assert tell({LIST: lines}) == {"suites": "bookworm", "components": "main", "left_out": f"/{LIST}"}


BACKPORTS = "Types: deb\nURIs: http://x\nSuites: bookworm-backports\nComponents: main contrib\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (LIST, "deb cdrom:[Debian GNU/Linux 12.0.0 _Bookworm_ - Official amd64]/ trixie main contrib\n"),
        (LIST, "# deb http://m/debian trixie main\n"),
        (LIST, "deb-src http://m/debian trixie main\n"),
        (LIST, "deb\n"),
        (LIST, "deb [[[[ http://m/debian trixie main\n"),
        (LIST, "deb [arch=arm64,armhf] http://m/debian trixie main\n"),
        (f"{PARTS}/x.sources", "Types: deb\nURIs: http://x\nSuites: trixie\nComponents: main\nEnabled: no\n"),
        (f"{PARTS}/x.sources", "Types: deb\nURIs: http://x\nSuites: trixie\nArchitectures: arm64 i386\n"),
        (f"{PARTS}/x.sources", "Types: deb-src\nURIs: http://x\nSuites: trixie\nComponents: main\n"),
        (f"{PARTS}/x.sources", "# Types: deb\n# Suites: trixie\n"),
        (f"{PARTS}/x.sources", BACKPORTS),
        # apt passes over these names, too.
        (f"{PARTS}/x.list.save", "deb http://m/debian trixie main\n"),
        (f"{PARTS}/x y.list", "deb http://m/debian trixie main\n"),
        ("etc/apt/preferences.d/x.bak", "Package: php*\nPin: release *\nPin-Priority: -1\n"),
        ("etc/apt/preferences", "# Pin: release a=testing\n"),
        ("etc/apt/apt.conf.d/docker-clean", 'APT::Update::Post-Invoke { "true"; };\n'),
    ],
)
def test_what_apt_does_not_ask_either(path: str, text: str) -> None:
    assert tell({f"{PARTS}/debian.sources": OFFICIAL, path: text}) == {"suites": THREE, "components": "main"}


def test_an_entry_for_other_architectures() -> None:
    lines = "deb [arch=amd64] http://m/ubuntu noble main\ndeb [arch=arm64] http://p/ports noble universe\n"
    assert tell({LIST: lines}, "noble")["components"] == "main"
    assert tell({LIST: lines}, "noble", "arm64")["components"] == "universe"


@pytest.mark.parametrize("path", ["etc/apt/preferences", "etc/apt/preferences.d/no-debian-php"])
def test_preferences_are_told(path: str) -> None:
    text = "Package: php*\nPin: release *\nPin-Priority: -1\n"
    assert tell({f"{PARTS}/debian.sources": OFFICIAL, path: text})["left_out"] == f"/{path}"


# As in distroless images, and where nobody says which of the suites are the image's.
@pytest.mark.parametrize("files", [{}, {LIST: ""}, {LIST: "\n# nothing\n"}])
def test_nothing_to_tell(files: Mapping[str, str]) -> None:
    assert tell(files) == {}


def test_a_root_without_a_code_name() -> None:
    assert "suites" not in tell({LIST: "deb http://m/debian bookworm main\n"}, code="")


def test_a_link_to_another_file() -> None:
    root = RootScan(is_telling)
    tar = make_tar(
        [entry(f"{PARTS}/x.list", b"deb http://m bookworm main\n"), link(LIST, f"/{PARTS}/x.list")]
    )
    root.add_layer(open_compressed(io.BytesIO(tar), "", limit=1 << 20))
    assert find_suites(root, "bookworm", "amd64") == {"suites": "bookworm", "components": "main"}


@pytest.mark.parametrize("url", ["x", "[x]"])
def test_a_long_line_takes_little_memory(url: str) -> None:
    """Layers that hold megabytes of one letter are small: an image of anybody may have such a line."""
    line = f"deb {url * 200_000}"
    tracemalloc.start()
    try:
        assert not list(read_entries("sources.list", line))
        assert tracemalloc.get_traced_memory()[1] < 10 * len(line)
    finally:
        tracemalloc.stop()
