from __future__ import annotations

from pathlib import Path

import pytest

from tests.makers.roots import Machine, make_busybox


@pytest.fixture(scope="session")
def busybox() -> bytes:
    """The layer of a root with busybox."""
    return make_busybox()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Runs steps with a cache of its own."""
    return Machine(tmp_path)
