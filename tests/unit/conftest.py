from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from envbuild.core.label import Label
from tests.makers.targets import World, make_locked


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users can enter, unlike pytest's own."""
    folder = Path(mkdtemp())
    folder.chmod(0o755)
    yield folder
    for below in folder.rglob("*"):
        if below.is_dir():
            below.chmod(0o755)
    rmtree(folder)


@pytest.fixture
def world() -> World:
    """An empty workspace."""
    return World()


@pytest.fixture
def base(world: World) -> Label:
    """A base with glibc 2.36 and Python 3.11."""
    return world.debian(debs=[make_locked("libc6", "2.36", kind="deb")])
