"""What lies under the prefix is what `pip install` of the same wheels makes, but for docs/wheel-layers.md."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import posixpath
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from envbuild.archive.wheel import write_wheel_layer
from tests.e2e.conftest import Built
from tests.e2e.pip_comparison import PREFIX, PYTHON, install_as_layers, install_with_pip, skeleton
from tests.makers.examples import locked_artifacts
from tests.makers.wheels import Wheel, sample_wheels

LOCKED_PYTHON = "3.11"


def assert_same_as_pip(wheels: Sequence[Path], folder: Path) -> None:
    """Compare all files, folders, modes and contents; `folder` is empty."""
    by_pip = install_with_pip(wheels, folder / "pip")
    by_us = install_as_layers(wheels)
    existing = skeleton(folder / "skeleton")
    files = {path: entry for path, entry in by_us.items() if path not in existing}
    assert sorted(files) == sorted(by_pip)
    assert {path for path in files if files[path] != by_pip[path]} == set()


def test_sample_wheels(tmp_path: Path) -> None:
    wheels = []
    for wheel in sample_wheels().values():
        wheels.append(tmp_path / wheel.file_name)
        wheels[-1].write_bytes(wheel.data)
    assert_same_as_pip(wheels, tmp_path)


@pytest.mark.network
@pytest.mark.skipif(PYTHON != LOCKED_PYTHON, reason=f"the lock is for Python {LOCKED_PYTHON}")
def test_all_wheels_of_an_example(built: Built, tmp_path: Path) -> None:
    wheels = []
    for artifact in locked_artifacts(built.project, "examples/sklearn/train"):
        wheels.append(tmp_path / artifact["file"])
        os.link(built.project.cache / "blobs" / "sha256" / artifact["sha256"], wheels[-1])
    assert len(wheels) > 50
    assert_same_as_pip(wheels, tmp_path)


@pytest.mark.parametrize("wheel", [sample_wheels()["schemes"], sample_wheels()["scripts"]])
def test_records_state_the_hashes_of_what_is_installed(wheel: Wheel) -> None:
    # The comparison leaves out the hashes of generated files, so they are checked here.
    out = io.BytesIO()
    write_wheel_layer(io.BytesIO(wheel.data), out, file_name=wheel.file_name, prefix=PREFIX, python=PYTHON)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        contents = {m.name: file.read() for m in archive if (file := archive.extractfile(m))}
    record = next(path for path in contents if path.endswith("RECORD"))
    site = posixpath.dirname(posixpath.dirname(record))
    checked = 0
    for path, digest, size in csv.reader(io.StringIO(contents[record].decode(), newline="")):
        data = contents.get(posixpath.normpath(f"{site}/{path}").replace("/lib64/", "/lib/"))
        if digest and data is not None:
            actual = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={actual}", str(len(data))), path
            checked += 1
    assert checked >= 8
