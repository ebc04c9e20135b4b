from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.sources.apt_config import ARCHIVE_KEYRING, Mirror, all_apt_mirrors, apt_mirrors
from envbuild.sources.debian_signature import Keyring
from tests.makers.workspace import write_files

LIST = """\
# deb http://commented.example.org/ bookworm main
deb http://one.example.org/debian/ bookworm main contrib # behind
deb-src http://source.example.org/debian bookworm main
deb [arch=amd64 signed-by=/k/a.gpg,/k/b.asc] https://two.example.org/debian bookworm-updates main
deb cdrom:[Debian]/ bookworm main
deb file:/mirror bookworm main
deb http://flat.example.org/ ./
"""
SOURCES = """\
# a comment in front
Types: deb deb-src
URIs: http://three.example.org/debian http://four.example.org/debian
# a comment inside
Suites: bookworm bookworm-updates
Components: main
Signed-By: /k/c.gpg

Types: deb
URIs: http://off.example.org/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example.org/debian
Suites: bookworm
Components: main
"""
INLINE = """\
Types: deb
URIs: http://inline.example.org/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEZ
 =abcd
 -----END PGP PUBLIC KEY BLOCK-----
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    files = {"sources.list": LIST, "sources.list.d/b.sources": SOURCES, "sources.list.d/c.sources": INLINE}
    return write_files(tmp_path, files)


def test_only_entries_that_carry_the_suite(apt: Path) -> None:
    own = (Keyring(Path("/k/c.gpg")),)
    assert apt_mirrors("bookworm", "main", apt) == (
        Mirror("http://one.example.org/debian", (Keyring(ARCHIVE_KEYRING),)),
        Mirror("http://three.example.org/debian", own),
        Mirror("http://four.example.org/debian", own),
    )
    assert [each.url for each in apt_mirrors("bookworm", "contrib", apt)] == ["http://one.example.org/debian"]
    assert apt_mirrors("bookworm", "non-free", apt) == ()


def test_options_of_the_one_line_style(apt: Path) -> None:
    mirror = apt_mirrors("bookworm-updates", "main", apt)[0]
    assert mirror.url == "https://two.example.org/debian"
    # `arch` is about this machine; the target may be another.
    assert mirror.keyrings == (Keyring(Path("/k/a.gpg")), Keyring(Path("/k/b.asc")))


def test_keys_inside_of_the_configuration(apt: Path) -> None:
    (mirror,) = apt_mirrors("trixie", "main", apt)
    keys = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----"
    assert mirror.keyrings == (Keyring(None, keys),)


def test_keys_that_apt_trusts_for_all(apt: Path) -> None:
    write_files(apt, {"trusted.gpg.d/own.asc": "", "trusted.gpg.d/a.gpg": ""})
    names = [each.path.name for each in apt_mirrors("bookworm", "contrib", apt)[0].keyrings if each.path]
    assert names == [ARCHIVE_KEYRING.name, "a.gpg", "own.asc"]


def test_all_mirrors(apt: Path) -> None:
    hosts = [each.url.split("/")[2].split(".")[0] for each in all_apt_mirrors(apt)]
    assert hosts == ["one", "two", "flat", "three", "four", "inline"]


def test_suites_of_vendors_that_are_called_as_the_distribution_s(tmp_path: Path) -> None:
    files = {
        "sources.list.d/a.list": "deb [signed-by=/k/vendor.gpg] https://vendor.example.org bookworm main\n",
        "sources.list.d/b.list": "deb http://one.example.org/debian bookworm main\n",
    }
    urls = [each.url for each in apt_mirrors("bookworm", "main", write_files(tmp_path, files))]
    assert urls == ["http://one.example.org/debian", "https://vendor.example.org"]


def test_no_configuration(tmp_path: Path) -> None:
    assert all_apt_mirrors(tmp_path) == ()
