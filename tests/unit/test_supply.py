from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from envbuild.supply import once


class Maker:
    """Makes something while it lets another thread come, too, for a moment."""

    def __init__(self) -> None:
        self.made = 0
        self._other = threading.Barrier(2)

    @once
    def thing(self) -> object:
        self.made += 1
        with suppress(threading.BrokenBarrierError):
            self._other.wait(0.2)
        return object()


def test_what_several_threads_ask_for_is_made_once() -> None:
    """Before Python 3.12, `cached_property` would do."""
    maker = Maker()
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: maker.thing, range(2))
    assert first is second
    assert maker.made == 1


def test_fetching_wheels_imports_no_other_kind_of_source() -> None:
    program = (
        "import sys, envbuild.build.fetch, envbuild.sources.index; "
        "kinds = ('debian', 'channel', 'registry', 'index_listing'); "
        "print([kind for kind in kinds if f'envbuild.sources.{kind}' in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
