"""Services that tests share: each is started once per session, at its first use."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from tests.makers.servers import empty_engine, run_engine, run_registry

# Whoever was started with signals ignored (by nohup, or in a script's background) hands that on, and no
# shell can trap such a signal.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _collect_between_tests() -> Iterator[None]:
    """No test's garbage is collected within another: where the stack is full, by nesting that goes too deep
    on purpose, a finalizer cannot run, and pytest takes that for the other test's failure.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry for all (`127.0.0.1:PORT`): tests keep apart by the names they use."""
    with run_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def private_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that wants the user and password of tests/makers/servers.py."""
    with run_registry(tmp_path_factory.mktemp("private-registry"), private=True) as host:
        yield host


@pytest.fixture(scope="session")
def running_engine() -> Iterator[str]:
    """A Docker engine's address; its containers have no network."""
    # Pytest's own folders have too long names for sockets; and /tmp may be in memory, which has limits.
    folder = Path(mkdtemp(prefix="e", dir="/var/tmp"))
    try:
        with run_engine(folder) as address:
            yield address
    finally:
        rmtree(folder)


@pytest.fixture(scope="module")
def engine(running_engine: str) -> Iterator[str]:
    """The engine for the tests of a module, which find nothing of another's there."""
    yield running_engine
    empty_engine(running_engine)
