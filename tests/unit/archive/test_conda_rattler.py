"""Layers of conda packages hold what rattler installs, but for what docs/conda-layers.md lists."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest

from envbuild.core.errors import ArchiveError
from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import LONG_PLACEHOLDER, CondaFile, CondaPackage
from tests.makers.conda_peer import (
    Node,
    Tree,
    install_package,
    install_packages,
    read_layers,
    read_prefix,
    write_layer,
)
from tests.makers.conda_samples import OLD, POINTS, PYTHON, SAMPLES

COMPARED = {name: package for name, package in SAMPLES.items() if name != "directories"}
SCRIPTS = {f"bin/{point.partition('=')[0].strip()}" for point in POINTS}
PREFIXES = ["/opt/env", "/opt/" + "p" * 120, "/opt/my env"]
# A folder of packages to compare besides: real ones, which this repository does not have.
FOLDER = os.environ.get("ENVBUILD_CONDA_PACKAGES", "")

# What only rattler has, for the environment as a whole.
OF_THE_WHOLE = {"CACHEDIR.TAG", "conda-meta/history"}
# What a record tells of the machine and of the way there.
OF_THE_HOST = {"extracted_package_dir", "package_tarball_full_path", "link", "url", "channel", "fn"}


@pytest.fixture(scope="module", params=PREFIXES)
def trees(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tree, Tree]:
    """Rattler's installation of the samples, and what their layers hold."""
    folder = tmp_path_factory.mktemp("peer")
    Channel(folder / "channel").publish(*COMPARED.values())
    peer = read_prefix(install_packages(folder / "channel", folder, request.param))
    layers = [write_layer(package.build_package(), request.param) for package in COMPARED.values()]
    return peer, read_layers(layers, request.param)


def without_differences(tree: Tree, scripts: AbstractSet[str] = SCRIPTS) -> Tree:
    """What is to be the same to the bit."""
    return {
        path: node
        for path, node in tree.items()
        if path not in {*scripts, *OF_THE_WHOLE} and not re.fullmatch(r"conda-meta/.*\.json", path)
    }


def test_same_files_bytes_and_modes(trees: tuple[Tree, Tree]) -> None:
    peer, ours = trees
    assert without_differences(ours) == without_differences(peer)
    assert ours.keys() == peer.keys() - OF_THE_WHOLE


def test_scripts_of_entry_points_call_the_same(trees: tuple[Tree, Tree]) -> None:
    # The template is that of wheels' scripts; rattler's has the mode 0775.
    for path in SCRIPTS:
        peer, ours = (tree[path].data.decode() for tree in trees)
        for pattern in (r"^(#!/opt/.*|#!/bin/sh)$", r"^from .* import .*$", r"sys\.exit\(.*\)$"):
            assert re.findall(pattern, ours, re.MULTILINE) == re.findall(pattern, peer, re.MULTILINE)
        assert trees[1][path].mode == 0o755


@pytest.mark.parametrize("package", COMPARED.values(), ids=list(COMPARED))
def test_same_records(trees: tuple[Tree, Tree], package: CondaPackage) -> None:
    peer, ours = (normalise(json.loads(tree[f"conda-meta/{package.dist}.json"].data)) for tree in trees)
    assert ours == peer


@pytest.mark.parametrize("package", COMPARED.values(), ids=list(COMPARED))
def test_records_tell_what_is_there(trees: tuple[Tree, Tree], package: CondaPackage) -> None:
    """As `conda doctor` looks for files that were changed."""
    tree = trees[1]
    for entry in json.loads(tree[f"conda-meta/{package.dist}.json"].data)["paths_data"]["paths"]:
        node = tree[entry["_path"]]
        if entry["path_type"] == "softlink":
            assert node.target
            assert "sha256_in_prefix" not in entry
        else:
            assert entry["sha256_in_prefix"] == hashlib.sha256(node.data).hexdigest()
            assert entry["size_in_bytes"] == len(node.data)


def test_what_differs_in_odd_files(tmp_path: Path) -> None:
    long = LONG_PLACEHOLDER.encode("utf-16-le")
    files: dict[str, str | bytes | CondaFile] = {
        "lib/wide": CondaFile(long + b"\0\0", placeholder=LONG_PLACEHOLDER, binary=True),
        "bin/no-text": CondaFile(
            f"#!{LONG_PLACEHOLDER}/sh \xff\n".encode("latin-1"), placeholder=LONG_PLACEHOLDER
        ),
        "lib/real": "1",
        "lib/link": CondaFile(link="real", no_link=True),
    }
    package = CondaPackage("odd", files)
    channel = Channel(tmp_path / "channel").publish(package)
    peer = read_prefix(install_packages(channel.root, tmp_path, "/opt/env"))
    ours = read_layers([write_layer(package.build_package())])
    padding = bytes(len(long) - len("/opt/env") * 2 + 2)
    assert (ours["lib/wide"].data, peer["lib/wide"].data) == (
        long + b"\0\0",
        "/opt/env".encode("utf-16-le") + padding,
    )
    assert (ours["bin/no-text"].data, peer["bin/no-text"].data) == (
        b"#!/opt/env/sh \xff\n", "#!/opt/env/sh \ufffd\n".encode()
    )  # fmt: skip
    assert (ours["lib/link"], peer["lib/link"]) == (Node(target="real"), Node(data=b"1", mode=0o644))


def test_folders_that_rattler_does_not_make(tmp_path: Path) -> None:
    from rattler.exceptions import InstallerError

    package = SAMPLES["directories"]
    channel = Channel(tmp_path / "channel").publish(package)
    with pytest.raises(InstallerError):
        install_packages(channel.root, tmp_path, "/opt/env")
    assert write_layer(package.build_package())


def normalise(record: dict[str, Any]) -> dict[str, Any]:
    """A record without the host, and without sums that one of the two leaves out."""
    paths = {entry["_path"]: entry for entry in record["paths_data"]["paths"]}
    for path, entry in paths.items():
        linked = entry["path_type"] == "softlink"  # rattler hashes the target's name, conda what it leads to
        if linked or entry.get("sha256_in_prefix") == entry.get("sha256"):
            entry.pop("sha256_in_prefix", None)
        # Of scripts with another template; and of packages that state none, rattler has some sums only.
        if path in SCRIPTS or path in OLD:
            for field in ("sha256", "sha256_in_prefix", "size_in_bytes"):
                entry.pop(field, None)
    of_channel = {"md5", "sha256", "size", "requested_specs"}
    kept = record.keys() - OF_THE_HOST - of_channel - {"paths_data", "files"}
    told = {name: record[name] for name in kept if record[name] != []}
    return {**told, "files": sorted(record["files"]), "paths": paths}


if FOLDER:

    @pytest.mark.parametrize("path", sorted(Path(FOLDER).iterdir()), ids=lambda path: path.name)
    def test_packages_of_a_folder(path: Path, tmp_path: Path) -> None:
        """Each is installed by rattler and is the same as a layer, or neither takes it."""
        installed = install_package(path, tmp_path, "/opt/env")
        if installed is None:
            with pytest.raises(ArchiveError):
                write_layer(path.read_bytes())
            return
        layer = write_layer(path.read_bytes())
        peer, ours = read_prefix(installed), read_layers([layer, write_layer(PYTHON.build_package())])
        scripts = {path for path in peer if path.startswith("bin/") and peer[path].mode == 0o775}
        assert without_differences(ours, scripts) == without_differences(peer, scripts)
        assert ours.keys() == peer.keys() - OF_THE_WHOLE
