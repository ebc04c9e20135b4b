"""What engines ask of every layer, whoever makes it."""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.makers.layers import LAYERS

SPECIAL = {"root": 0o700, "run/lock": 0o1777, "tmp": 0o1777, "var/mail": 0o2775, "var/tmp": 0o1777}


@pytest.fixture(scope="module", params=LAYERS)
def members(request: pytest.FixtureRequest) -> list[tarfile.TarInfo]:
    """The entries of a layer of each kind, as tarfile reads them."""
    out = io.BytesIO()
    LAYERS[request.param](out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        return archive.getmembers()


def parents_of(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]


def test_no_path_is_there_twice(members: list[tarfile.TarInfo]) -> None:
    # Docker refuses such a layer ("duplicates of file paths not supported").
    paths = [member.name for member in members]
    assert len(paths) == len(set(paths))


def test_every_directory_above_an_entry_is_named(members: list[tarfile.TarInfo]) -> None:
    # Docker makes others with a mode of its own, 0777, which hides the base's.
    folders = {member.name for member in members if member.isdir()}
    above = {parent for member in members for parent in parents_of(member.name)}
    assert above <= folders


def test_directories_come_last_each_before_those_in_it(members: list[tarfile.TarInfo]) -> None:
    kinds = [member.isdir() for member in members]
    assert kinds == sorted(kinds)
    folders = [member.name for member in members if member.isdir()]
    assert all(folders.index(parent) < n for n, path in enumerate(folders) for parent in parents_of(path))


def test_special_directories_keep_the_modes_of_every_base(members: list[tarfile.TarInfo]) -> None:
    modes = {member.name: oct(member.mode) for member in members if member.isdir()}
    assert modes == {path: oct(SPECIAL.get(path, 0o755)) for path in modes}
