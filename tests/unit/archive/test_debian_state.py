"""The bottom and top layers of a Debian base."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable

import pytest

from envbuild.archive.debian_root import write_root_layer
from envbuild.archive.debian_state import write_state_layer
from envbuild.core.errors import ArchiveError
from tests.makers.certificates import ODD, ODD_HASH, PLAIN, PLAIN_HASH
from tests.makers.debian import Deb, entry

MAWK = "#!/bin/sh\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5 "
GAWK = "#!/bin/sh\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/gawk 10 "
MASTERS = (
    entry("./usr/share/base-passwd/passwd.master", b"root:*:0:0:root:/root:/bin/bash\ngames:*:5:60::/:/x\n"),
    entry("./usr/share/base-passwd/group.master", b"root:*:0:\nshadow:*:42:\n"),
)


def unpack(layer: io.BytesIO) -> dict[str, str]:
    """What a layer holds by path: contents, `-> target`, or `mode uid:gid` of a folder."""
    held = {}
    with tarfile.open(fileobj=io.BytesIO(layer.getvalue()), mode="r:gz") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            owner = f"{member.mode:o} {member.uid}:{member.gid}"
            text = f"-> {member.linkname}" if member.issym() else owner
            held[member.name] = file.read().decode() if file else text
    return held


def state(debs: Iterable[Deb]) -> dict[str, str]:
    out = io.BytesIO()
    write_state_layer([io.BytesIO(deb.build()) for deb in debs], out)
    return unpack(out)


def root(architecture: str) -> dict[str, str]:
    out = io.BytesIO()
    write_root_layer(out, architecture=architecture)
    return unpack(out)


def test_root() -> None:
    amd64, arm64 = root("amd64"), root("arm64")
    assert {name: amd64[name] for name in ("bin", "lib64", "tmp", "root", "var/mail", "usr/lib64")} == {
        "bin": "-> usr/bin",
        "lib64": "-> usr/lib64",
        "tmp": "1777 0:0",
        "root": "700 0:0",
        "var/mail": "2775 0:8",
        "usr/lib64": "755 0:0",
    }
    assert "lib64" not in arm64  # its loader lies in /lib


def test_accounts_without_base_passwd() -> None:
    held = state([Deb("some")])
    assert held["etc/passwd"].splitlines() == [
        "root:x:0:0:root:/root:/bin/sh",
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
    ]
    assert held["etc/group"] == "root:x:0:\nnogroup:x:65534:\n"


def test_accounts_of_base_passwd() -> None:
    held = state([Deb("base-passwd", entries=MASTERS)])
    assert held["etc/passwd"] == "root:x:0:0:root:/root:/bin/bash\ngames:x:5:60::/:/x\n"
    # No day of the last change: it would be the day of the build.
    assert held["etc/shadow"] == "root:*::0:99999:7:::\ngames:*::0:99999:7:::\n"
    assert held["etc/gshadow"] == "root:*::\nshadow:*::\n"


def test_templates_are_found_without_md5sums() -> None:
    assert "games" in state([Deb("base-passwd", entries=MASTERS, listed=False)])["etc/passwd"]


def test_certificates() -> None:
    share = "usr/share/ca-certificates"
    certificates = [
        entry(f"./{share}/test/Odd (1).crt", ODD.rstrip(b"\n")),
        entry(f"./{share}/other/plain.crt", PLAIN),
        entry(f"./{share}/test/twice.crt", ODD),
        entry(f"./{share}/test/README", b"no certificate"),
    ]
    held = state([Deb("ca-certificates", entries=certificates)])
    assert held["etc/ssl/certs/ca-certificates.crt"].encode() == PLAIN + ODD + ODD
    assert held["etc/ca-certificates.conf"] == "other/plain.crt\ntest/Odd (1).crt\ntest/twice.crt\n"
    links = {path.removeprefix("etc/ssl/certs/"): text for path, text in held.items() if text[:2] == "->"}
    assert links == {
        "plain.pem": f"-> /{share}/other/plain.crt",
        "Odd_=1=.pem": f"-> /{share}/test/Odd (1).crt",
        "twice.pem": f"-> /{share}/test/twice.crt",
        f"{PLAIN_HASH}.0": "-> plain.pem",
        f"{ODD_HASH}.0": "-> Odd_=1=.pem",
        f"{ODD_HASH}.1": "-> twice.pem",  # one subject, two certificates: OpenSSL counts on
    }


def test_the_best_alternative_wins_and_brings_only_its_own_followers() -> None:
    man = "/usr/share/man/man1"
    mawk = MAWK + f"--slave /usr/bin/nawk nawk /usr/bin/mawk --slave {man}/awk.1.gz awk.1.gz {man}/m.1.gz\n"
    debs = [
        Deb("mawk", entries=[entry("./bin/mawk")], scripts={"postinst": mawk}),
        Deb("gawk", entries=[entry("./usr/bin/gawk")], scripts={"postinst": GAWK}),
    ]
    alone, both = state(debs[:1]), state(debs)
    assert alone["usr/bin/awk"] == both["usr/bin/awk"] == "-> /etc/alternatives/awk"
    assert (alone["etc/alternatives/awk"], both["etc/alternatives/awk"]) == (
        "-> /usr/bin/mawk",
        "-> /usr/bin/gawk",
    )
    assert alone["etc/alternatives/nawk"] == "-> /usr/bin/mawk"  # `bin/mawk` lies in `usr/bin`
    assert "etc/alternatives/nawk" not in both
    assert "etc/alternatives/awk.1.gz" not in alone  # its page is not there


def test_system_files() -> None:
    shells = "./usr/share/debianutils/shells"
    held = state(
        [
            Deb("base-files", entries=[entry("./usr/share/base-files/profile", b"PATH=x\n")]),
            Deb("tzdata"),
            Deb("debianutils", entries=[entry(shells, b"# shells\n/bin/sh\n")]),
            Deb("dash", entries=[entry(f"{shells}.d/dash", b"/bin/dash\n/bin/sh\n")]),
            Deb("libc-bin", entries=[entry("./usr/share/libc-bin/nsswitch.conf", b"hosts: files\n")]),
        ]
    )
    assert held["etc/profile"] == "PATH=x\n"
    assert held["etc/localtime"] == "-> /usr/share/zoneinfo/Etc/UTC"
    assert held["etc/timezone"] == "Etc/UTC\n"
    assert held["etc/nsswitch.conf"] == "hosts: files\n"
    assert held["etc/shells"] == "# shells\n/bin/sh\n/bin/dash\n/usr/bin/dash\n/usr/bin/sh\n"
    assert (held["var/run"], held["var/lock"]) == ("-> /run", "-> /run/lock")


def test_package_records() -> None:
    deb = Deb(
        "libstdc++6", "12.2.0-14", [entry("./usr/lib/x", b"x")], fields={"Maintainer": "Ü <u@example.org>"}
    )
    held = state([deb, Deb("bare", listed=False)])
    assert held["var/lib/dpkg/status.d/libstdc++6"] == deb.stanza
    assert held["var/lib/dpkg/status.d/libstdc++6.md5sums"].endswith("  usr/lib/x\n")
    assert "var/lib/dpkg/status.d/bare.md5sums" not in held


def test_order_is_irrelevant() -> None:
    debs = [Deb("base-passwd", entries=MASTERS), Deb("tzdata"), Deb("mawk", scripts={"postinst": MAWK})]
    assert state(debs) == state(debs[::-1])


def installing(link: str, name: str) -> list[Deb]:
    return [Deb("a", scripts={"postinst": f"update-alternatives --install {link} {name} /usr/bin/x 1\n"})]


CERTIFICATE = "./usr/share/ca-certificates/"


@pytest.mark.parametrize(
    ("debs", "message"),
    [
        ([Deb("some"), Deb("some", "2.0")], "`var/lib/dpkg/status.d/some` is there twice"),
        ([Deb("some", fields={"Package": "../../etc/cron.d/x"})], "states no name"),
        ([Deb("some", fields={"Package": "so\x1b[2Jme"})], "states no name"),
        ([Deb("s" * 256)], "is too long"),
        # A script may claim any path for an alternative; none may leave the root or take another's place.
        (installing("/../x", "x"), "`../x` is not a path"),
        (installing("/x", "a/../../etc/x"), "`etc/alternatives/a/../../etc/x` is not a path"),
        (installing("/etc/passwd", "x"), "`etc/passwd` is there twice"),
        (installing("/" + "x/" * 200 + "x", "x"), "folders deep"),
        ([Deb("ca", entries=[entry(f"{CERTIFICATE}a.crt", b"none")])], "not in PEM form"),
        ([Deb("ca", entries=[entry(f"{CERTIFICATE}../../../x.crt", PLAIN)])], "is not a path"),
        (
            [Deb("ca", entries=[entry(f"{CERTIFICATE}{folder}/x.crt", PLAIN) for folder in "ab"])],
            "`etc/ssl/certs/x.pem` is there twice",
        ),
    ],
)
def test_refused(debs: list[Deb], message: str) -> None:
    with pytest.raises(ArchiveError, match=re.escape(message)):
        state(debs)


def test_every_folder_is_named_with_the_mode_that_it_has_below() -> None:
    profile = Deb("base-files", entries=[entry("./usr/share/base-files/dot.profile", b"x")])
    held = state([profile])
    assert (held["root"], held["etc"], held["var/lib/dpkg"]) == ("700 0:0", "755 0:0", "755 0:0")
