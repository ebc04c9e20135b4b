"""Reads `conda` attributes as a target's build file states them."""

from __future__ import annotations

from pathlib import Path

from envbuild.core.errors import Location
from envbuild.spec.conda.model import CondaSpec
from envbuild.spec.conda.read import read_conda
from envbuild.spec.place import Place
from envbuild.spec.positions import parse_yaml
from envbuild.spec.recorder import Recorder, Unrecorded
from tests.makers.workspace import write_files

HERE = Location("BUILD.yaml", 4, 12)


def read_files(root: Path, *files: str, package: str = "", recorder: Recorder | None = None) -> CondaSpec:
    """What the files that an attribute names say."""
    return read_conda([(file, HERE) for file in files], Place(root, package, recorder or Unrecorded()))


def read_text(root: Path, text: str, file: str = "environment.yml") -> CondaSpec:
    """What a file of this text says."""
    return read_files(write_files(root, {file: text}), file)


def read_in_place(root: Path, text: str) -> CondaSpec:
    """What an environment says that stands in the build file."""
    return read_conda(parse_yaml(text.encode(), "BUILD.yaml"), Place(root, "", Unrecorded()))
