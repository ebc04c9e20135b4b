from __future__ import annotations

import pytest

from tests.makers.roots import Machine, make_busybox, require_sandbox


@pytest.fixture(scope="session")
def busybox() -> bytes:
    """The layer of a root with busybox."""
    require_sandbox()
    return make_busybox()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """One for all tests of a module: they differ in what they do, not in what they stand on."""
    return Machine(tmp_path_factory.mktemp("machine"))
