from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from envbuild.supply import once
from tests.makers.examples import NOWHERE


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


FETCH = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import envbuild.app
from envbuild.core.errors import EnvbuildError
from envbuild.core.events import Silent
from envbuild.graph.project import Project
from envbuild.lock.model import Locked
from envbuild.sources.patience import Patience
from envbuild.spec.recorder import Unrecorded
from envbuild.store.disk import DiskStore
from envbuild.supply import Supply

importing = []

class Watcher:
    def find_spec(self, name, path, target=None):
        if name.startswith(("envbuild", "urllib3", "email", "http", "pip", "ssl")):
            importing.append(threading.get_ident())

def fetch(artifact):
    begin.wait()
    try:
        supply.fetch(artifact)
    except EnvbuildError as error:
        return error.message

root = Path(sys.argv[1])
project, store = Project(root, root, Unrecorded()), DiskStore(root / "cache")
supply = Supply(project, store, root / "cache", Silent(), Patience(attempts=1))
wheels = [Locked("wheel", f"w{n}", "1", "pypi", f"w{n}-1-py3-none-any.whl", f"{n:064}", 1) for n in range(8)]
debs = [Locked("deb", f"d{n}", "1", "debian", f"pool/d{n}.deb", f"{n:064}", 1) for n in range(8)]
begin = threading.Barrier(16)
sys.setswitchinterval(1e-6)
sys.meta_path.insert(0, Watcher())
with ThreadPoolExecutor(16) as threads:
    said = list(threads.map(fetch, [*wheels, *debs]))
assert all("cannot" in each for each in said), said
turns = [each for n, each in enumerate(importing) if n == 0 or importing[n - 1] != each]
print(len(turns) == len(set(turns)), len(importing) > 30)
"""


def test_threads_import_one_after_another(tmp_path: Path) -> None:
    """Else they may wait for each other for ever."""
    sources = [{"index": {"name": "pypi", "url": NOWHERE}}, {"debian": {"name": "debian", "urls": [NOWHERE]}}]
    (tmp_path / "envbuild.yaml").write_text(f"sources: {json.dumps(sources)}\n")
    command = [sys.executable, "-c", FETCH, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout == "True True\n", ran
