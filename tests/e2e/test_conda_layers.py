"""Layers of real programs as conda packages hold what rattler installs of them, to the bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_peer import install_packages, read_layers, read_prefix, write_layer

pytestmark = pytest.mark.network


def test_every_package_of_the_channel(channel: Channel, tmp_path: Path) -> None:
    packages = [path for subdir in ("linux-64", "noarch") for path in (channel.root / subdir).glob("*.conda")]
    assert len(packages) > 20
    peer = read_prefix(install_packages(channel.root, tmp_path, "/opt/env"))
    ours = read_layers([write_layer(path.read_bytes()) for path in packages])
    assert ours.keys() == peer.keys() - {"CACHEDIR.TAG", "conda-meta/history"}
    records = {path for path in ours if path.startswith("conda-meta/")}
    scripts = {
        entry["_path"]
        for path in records
        if path.endswith(".json")
        for entry in json.loads(ours[path].data)["paths_data"]["paths"]
        if entry["path_type"] == "unix_python_entry_point"
    }
    assert scripts  # their template is the one of wheels' scripts (docs/conda-layers.md)
    assert [path for path in ours.keys() - records - scripts if ours[path] != peer[path]] == []
