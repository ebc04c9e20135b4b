"""Layers of conda packages; test_conda_rattler.py compares what is in them with an installer's work."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from envbuild.archive import conda_install
from envbuild.core.errors import ArchiveError
from tests.makers.conda_packages import (
    LONG_PLACEHOLDER,
    PLACEHOLDER,
    CondaFile,
    CondaPackage,
    Entry,
    hostile_entries,
)
from tests.makers.conda_peer import Node, read_layers, write_layer
from tests.makers.conda_samples import SAMPLES, text
from tests.makers.debian import entry

FILE = {"share/x": "1"}


def members(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
        return {member.name: member for member in tar}


def record_of(package: CondaPackage, **options: Any) -> dict[str, Any]:
    """What `conda-meta` says of a package."""
    tree = read_layers([write_layer(package.build_package(), **options)])
    record = json.loads(tree[f"conda-meta/{package.dist}.json"].data)
    assert isinstance(record, dict)
    return record


def test_a_layer_s_owners_times_and_folders() -> None:
    found = members(write_layer(SAMPLES["files"].build_package(), epoch=1_600_000_000))
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(0, 0, 1_600_000_000)}
    assert {name for name, member in found.items() if member.isdir()} >= {
        "opt",
        "opt/env",
        "opt/env/conda-meta",
    }
    assert {member.mode for member in found.values() if member.isdir()} == {0o755}


def test_hard_links_stay_links_unless_their_contents_differ() -> None:
    files = {
        "lib/a": CondaFile(b"1"),
        "lib/b": CondaFile(same_as="lib/a"),
        "lib/c": CondaFile(same_as="lib/b"),
        "etc/a": text("PREFIX\n"),
        "etc/b": CondaFile(same_as="etc/a"),
    }
    # Of one file in the package, one name is to be changed and the other not: as rattler does it.
    layer = write_layer(CondaPackage("links", files).build_package())
    found, tree = members(layer), read_layers([layer])
    assert [found[f"opt/env/lib/{name}"].linkname for name in "abc"] == ["", "opt/env/lib/a", "opt/env/lib/a"]
    assert not found["opt/env/etc/b"].islnk()
    assert tree["etc/a"] == Node(data=b"/opt/env\n", mode=0o755)
    assert tree["etc/b"] == Node(data=f"{LONG_PLACEHOLDER}\n".encode(), mode=0o755)


def test_a_hard_link_to_what_is_not_installed() -> None:
    raw = [entry("hidden", b"1"), entry("shown", type=tarfile.LNKTYPE, linkname="hidden")]
    info = {"paths.json": '{"paths": [{"_path": "shown"}]}'}
    tree = read_layers([write_layer(CondaPackage("x", raw=raw, info=info).build_package())])
    assert tree["shown"] == Node(data=b"1", mode=0o644)
    assert "hidden" not in tree


def test_folders_that_a_package_wants() -> None:
    tree = read_layers([write_layer(SAMPLES["directories"].build_package())])
    assert tree["share/kept-empty/below"] == Node()
    assert tree["share/directories"] == Node(data=b"1", mode=0o644)


def test_site_packages_elsewhere() -> None:
    layer = write_layer(SAMPLES["anyone"].build_package(), site_packages="lib/pypy/here")
    tree = read_layers([layer])
    assert "lib/pypy/here/anyone/__init__.py" in tree
    assert tree["bin/anyone"].data.startswith(b"#!/opt/env/bin/python3.11\n")


def test_of_entry_points_of_one_name_the_last_one_counts() -> None:
    package = CondaPackage("x", FILE, noarch="python", entry_points=["a = b:c", "a = d:e"])
    tree = read_layers([write_layer(package.build_package())])
    assert b"from d import e" in tree["bin/a"].data
    assert record_of(package)["files"] == ["bin/a", "share/x"]


def test_a_record_says_what_the_channel_says(tmp_path: Path) -> None:
    from rattler import PrefixRecord

    stated = {
        "channel": "envbuild://forge",
        "url": "envbuild://forge/linux-64/files-1.0-0.conda",
        "fn": "files-1.0-0.conda",
        "depends": ["python >=3.11"],  # channels amend what packages depend on
        "requested_specs": ["files >=1"],
        "sha256": "0" * 64,
    }
    record = record_of(SAMPLES["files"], record=stated)
    assert stated.items() <= record.items()
    assert record["constrains"] == ["links >=1"]
    (tmp_path / "files-1.0-0.json").write_text(json.dumps(record))
    read = PrefixRecord.from_path(tmp_path / "files-1.0-0.json")
    assert (read.name.normalized, str(read.version), str(read.build), read.depends) == (
        "files", "1.0", "0", ["python >=3.11"]
    )  # fmt: skip
    assert sorted(map(str, read.files)) == sorted(SAMPLES["files"].files)
    assert [entry.sha256_in_prefix.hex() for entry in read.paths_data.paths] == [
        entry["sha256_in_prefix"] for entry in record["paths_data"]["paths"]
    ]


def test_a_record_takes_nothing_unsound_from_a_package() -> None:
    index = {"license": 1, "timestamp": 1.5, "depends": ["a", 1], "arch": None, "extra": "x", "noarch": True}
    record = record_of(CondaPackage("x", FILE, index=index))
    assert not index.keys() & record.keys()


@pytest.mark.parametrize("name", hostile_entries())
def test_hostile_entries(name: str) -> None:
    with pytest.raises(ArchiveError):
        write_layer(CondaPackage("x", FILE, raw=[hostile_entries()[name]]).build_package())


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "../../../x", "../..", "x/../../../y"])
@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_links_that_leave_the_prefix(target: str, suffix: str) -> None:
    package = CondaPackage("x", {"lib/link": CondaFile(link=target)}, suffix=suffix)
    with pytest.raises(ArchiveError, match=r"`lib/link` links to .* outside of the prefix"):
        write_layer(package.build_package())


def test_links_are_judged_where_they_are_installed() -> None:
    up = {"site-packages/x": CondaFile(link="../../../share/y")}
    layer = write_layer(CondaPackage("x", up, noarch="python").build_package())
    assert read_layers([layer])["lib/python3.11/site-packages/x"].target == "../../../share/y"
    with pytest.raises(ArchiveError, match="outside of the prefix"):
        write_layer(CondaPackage("x", up, noarch="generic").build_package())


def raw(*entries: Entry, listed: str = '{"_path": "lib/x"}') -> CondaPackage:
    return CondaPackage("x", raw=entries, info={"paths.json": f'{{"paths": [{listed}]}}'})


X = entry("lib/x", b"1")


@pytest.mark.parametrize(
    ("package", "message"),
    [
        (
            CondaPackage("x", FILE, paths={"share/x": {"sha256": "0" * 64}}),
            "`share/x` does not have the sha256",
        ),
        (CondaPackage("x", FILE, paths={"share/x": {"size_in_bytes": 2}}), "`share/x` has 1 bytes, and 2"),
        (CondaPackage("x", {"a": CondaFile(bytes(2_000_000))}, paths={"a": {"sha256": "0" * 64}}), "sha256"),
        (raw(), "lists `lib/x` and does not hold it"),
        (raw(X, listed='{"_path": "lib/x", "path_type": "softlink"}'), "listed as a softlink, and is a file"),
        (raw(X, listed='{"_path": "lib/x", "path_type": "directory"}'), "as a directory, and is a file"),
        (
            raw(X, listed='{"_path": "lib/x"}, {"_path": "lib", "path_type": "directory"}, {"_path": "a"}'),
            "`a`",
        ),
        (raw(X, X), "twice"),
        (raw(X, entry("lib/x/y", b"2"), listed='{"_path": "lib/x"}, {"_path": "lib/x/y"}'), "twice"),
        (CondaPackage("x", FILE, info={"index.json": None}), "no `info/index.json`"),
        (CondaPackage("x", FILE, info={"index.json": "{"}), "is no JSON"),
        (CondaPackage("x", FILE, info={"index.json": "[]"}), "is no JSON object"),
        (CondaPackage("x", FILE, index={"version": 1}), "no sound `version`"),
        (CondaPackage("x", FILE, index={"build_number": -1}), "no sound `build_number`"),
        (CondaPackage("x", FILE, index={"version": "../1"}), "no name of a package|not a path"),
        (CondaPackage("x", FILE, noarch="python", info={"link.json": "{"}), "`info/link.json` is no JSON"),
        (CondaPackage("x", FILE, noarch="python", info={"link.json": "[]"}), "no list of texts"),
        (CondaPackage("x", FILE, noarch="python", entry_points=["a"]), "`a` is no entry point"),
        (CondaPackage("x", FILE, noarch="python", entry_points=[".. = a:b"]), "is no entry point"),
        (CondaPackage("x", FILE, noarch="python", entry_points=["a/b = a:b"]), "is not a script name"),
        (CondaPackage("x", FILE, noarch="python", entry_points=["a = b; import os"]), "is not a script name"),
        (CondaPackage("x", {"bin/a": "1"}, noarch="python", entry_points=["a = a:b"]), "there twice"),
    ],
)
def test_packages_that_contradict_themselves(package: CondaPackage, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        write_layer(package.build_package())


def test_a_placeholder_with_too_little_room() -> None:
    file = CondaFile(PLACEHOLDER.encode() + b"/lib\0", placeholder=PLACEHOLDER, binary=True)
    with pytest.raises(
        ArchiveError, match=r"`lib/x.so`: the prefix .* has 41 bytes, and .* room for 32"
    ) as error:
        write_layer(CondaPackage("x", {"lib/x.so": file}).build_package(), "/" + "p" * 40)
    assert error.value.hint == "choose a shorter prefix"


def test_another_package_than_the_channel_says() -> None:
    with pytest.raises(ArchiveError, match=r"the package is `x-1.0-0`, and its channel says it is `x-1.1-0`"):
        write_layer(
            CondaPackage("x", FILE).build_package(), record={"name": "x", "version": "1.1", "build": "0"}
        )


def test_a_package_for_any_python_needs_one() -> None:
    with pytest.raises(ArchiveError, match="`anyone` is a package for any Python") as error:
        write_layer(SAMPLES["anyone"].build_package(), python="", site_packages="")
    assert error.value.hint == "add `python` to the conda packages"


def test_many_names_of_a_large_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each other name of a changed file is a copy: a small package must not become an endless layer.
    monkeypatch.setattr(conda_install, "MAX_CONTENTS", 10_000)
    names = {f"b{n}": CondaFile(same_as="a") for n in range(3)}
    changed = CondaFile(PLACEHOLDER.encode() * 100, placeholder=PLACEHOLDER)
    with pytest.raises(ArchiveError, match="unpacks to more than 10000 bytes"):
        write_layer(CondaPackage("x", {"a": changed, **names}).build_package())


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_a_package_that_is_cut_off(suffix: str) -> None:
    package = CondaPackage("x", {"share/x": CondaFile(bytes(range(256)) * 100)}, suffix=suffix)
    data = package.build_package()
    for size in range(0, len(data), 97):
        with pytest.raises(ArchiveError):
            write_layer(data[:size])
