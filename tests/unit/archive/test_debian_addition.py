"""What Debian packages change of the state of a base that they are added to."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection, Mapping, Sequence

from envbuild.archive.debian_addition import write_addition_layer
from tests.makers.certificates import ODD, PLAIN
from tests.makers.debian import Deb, entry

MASTERS = (
    entry("./usr/share/base-passwd/passwd.master", b"root:*:0:0:root:/root:/bin/bash\ngames:*:5:60::/:/x\n"),
    entry("./usr/share/base-passwd/group.master", b"root:*:0:\nshadow:*:42:\n"),
)
ACCOUNTS = Deb("base-passwd", entries=MASTERS)
PLAIN_CA = Deb("ca-certificates", entries=[entry("./usr/share/ca-certificates/plain.crt", PLAIN)])
ODD_CA = Deb("odd-ca", entries=[entry("./usr/share/ca-certificates/zz/odd.crt", ODD)])


def alternative(name: str, priority: int) -> Deb:
    line = f"update-alternatives --install /usr/bin/awk awk /usr/bin/{name} {priority}"
    return Deb(name, scripts={"postinst": f"#!/bin/sh\n{line}\n"})


def add(
    base: Sequence[Deb],
    added: Sequence[Deb],
    kept: Collection[str] = (),
    alternatives: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """What the layer holds by path: contents or `-> target`; folders are left out."""
    below, above = ([io.BytesIO(deb.build()) for deb in debs] for debs in (base, added))
    out = io.BytesIO()
    write_addition_layer(below, above, out, kept=kept, alternatives=alternatives or {})
    held = {}
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if not member.isdir():
                held[member.name] = file.read().decode() if file else f"-> {member.linkname}"
    return held


def records(*names: str) -> set[str]:
    return {f"var/lib/dpkg/status.d/{name}{end}" for name in names for end in ("", ".md5sums")}


def test_what_stays_as_it_was_is_not_there() -> None:
    assert add([ACCOUNTS, PLAIN_CA, alternative("mawk", 5)], [Deb("some")]).keys() == records("some")


def test_accounts_that_come_later() -> None:
    held = add([Deb("some")], [ACCOUNTS])
    assert held["etc/passwd"].splitlines()[1] == "games:x:5:60::/:/x"
    assert add([], [ACCOUNTS], kept=["accounts"]).keys() == records("base-passwd")


def test_certificates_join_those_of_the_base() -> None:
    held = add([PLAIN_CA], [ODD_CA])
    assert held["etc/ssl/certs/ca-certificates.crt"] == (PLAIN + ODD).decode()
    assert "etc/ssl/certs/plain.pem" not in held
    assert add([], [ODD_CA], kept=["accounts", "certificates"]).keys() == records("odd-ca")


def test_the_better_alternative_takes_over() -> None:
    mawk, gawk = alternative("mawk", 5), alternative("gawk", 10)
    assert add([mawk], [gawk])["etc/alternatives/awk"] == "-> /usr/bin/gawk"
    assert add([gawk], [mawk]).keys() == records("mawk")
    # Of an image of others only priorities are known: at a draw, what is there stays.
    assert add([], [gawk], alternatives={"awk": 9})["etc/alternatives/awk"] == "-> /usr/bin/gawk"
    assert "etc/alternatives/awk" not in add([], [gawk], alternatives={"awk": 10})


def test_the_order_of_packages_changes_nothing() -> None:
    debs = [ODD_CA, alternative("mawk", 5), alternative("gawk", 10)]
    assert add([PLAIN_CA, ACCOUNTS], debs) == add([ACCOUNTS, PLAIN_CA], debs[::-1])
