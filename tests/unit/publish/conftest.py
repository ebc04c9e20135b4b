from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from envbuild.store.disk import DiskStore
from tests.makers.gate import Gate, open_gate
from tests.makers.images import AMD64, load_image, make_index
from tests.makers.registry_bench import Bench


@pytest.fixture(scope="module")
def shared(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    store = DiskStore(tmp_path_factory.mktemp("store"))
    with open_gate(Gate(registry)) as gate:
        yield Bench(gate, store, load_image(store, make_index(store, [AMD64])))


@pytest.fixture
def bench(shared: Bench) -> Bench:
    shared.gate.around = lambda asked, forward: forward(asked)
    shared.gate.asked.clear()
    shared.gate.connections.clear()
    return Bench(shared.gate, shared.store, shared.image, place=f"t{uuid4().hex}")


@pytest.fixture(scope="module")
def published(registry: str, shared: Bench) -> Bench:
    """An image for two platforms that the registry has."""
    image = load_image(shared.store, make_index(shared.store))
    shared.gate.around = lambda asked, forward: forward(asked)
    bench = Bench(shared.gate, shared.store, image, place=f"t{uuid4().hex}")
    bench.publish()
    return bench


@pytest.fixture
def pulling(bench: Bench, published: Bench) -> Bench:
    return Bench(bench.gate, published.store, published.image, place=published.place)
