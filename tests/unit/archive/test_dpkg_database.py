"""Records of added packages in dpkg's database."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping

from envbuild.archive.dpkg_database import read_status, record_packages
from envbuild.archive.nodes import File
from tests.makers.base_images import make_layer
from tests.makers.debian import Deb, entry, folder

BEFORE = (
    "Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
    "Package: tool\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 0.9\n"
    "Conffiles:\n /etc/tool.conf 0123\n\n"
)
TOOL = Deb(
    "tool",
    entries=[folder("./etc/"), entry("./etc/tool.conf", b"a=1\n"), entry("./bin/tool", b"tool", 0o755)],
    scripts={"prerm": "#!/bin/sh\n", "conffiles": "/etc/tool.conf\n"},
)
LIBRARY = Deb("lib", entries=[entry("./usr/lib/lib.so", b"")], fields={"Multi-Arch": "same"}, listed=False)


def record(*debs: Deb, status: str = BEFORE) -> Mapping[str, File]:
    nodes = record_packages(status.encode(), [io.BytesIO(deb.build()) for deb in debs])
    return {node.path.removeprefix("var/lib/dpkg/"): node for node in nodes if isinstance(node, File)}


def test_a_package_takes_the_place_of_what_was_left_of_it() -> None:
    md5 = hashlib.md5(b"a=1\n").hexdigest()
    assert record(TOOL)["status"].data.decode() == (
        "Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
        "Package: tool\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n"
        f"Conffiles:\n /etc/tool.conf {md5}\n\n"
    )


def test_its_paths_and_control_files_are_there() -> None:
    found = record(TOOL)
    assert found["info/tool.list"].data == b"/.\n/etc\n/etc/tool.conf\n/bin/tool\n"
    assert found["info/tool.prerm"].mode == 0o755
    assert found["info/tool.md5sums"].mode == 0o644
    assert found["info/tool.conffiles"].data == b"/etc/tool.conf\n"
    assert "info/tool.control" not in found


def test_files_of_what_is_there_for_several_architectures_name_theirs() -> None:
    assert set(record(LIBRARY)) == {"info/lib:amd64.list", "status"}


def test_another_architecture_is_another_package() -> None:
    foreign = Deb("dash", architecture="arm64", fields={"Multi-Arch": "same"})
    assert record(foreign)["status"].data.count(b"Package: dash\n") == 2


def test_the_status_is_that_of_the_highest_layer() -> None:
    def read(*files: Mapping[str, str]) -> bytes:
        return read_status([io.BytesIO(make_layer(each).data) for each in files])

    place = "var/lib/dpkg/status"
    assert read({place: "one"}, {"x": ""}) == b"one"
    assert read({place: "one"}, {place: "two"}) == b"two"
    assert read({place: "one"}, {"var/lib/dpkg/.wh.status": ""}) == b""
