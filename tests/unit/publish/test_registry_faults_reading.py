"""Reading: every endpoint of Debian's registry, and every fault at it: the right bytes, or a clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.sources.patience import Patience
from envbuild.store.disk import DiskStore
from tests.makers.registry_bench import Bench, at_each, silence
from tests.makers.registry_content import read_tag
from tests.makers.registry_faults import (
    HEAD_POOL,
    PASSING,
    PASSING_FOR_READERS,
    PULLING,
    REFUSALS,
    REFUSALS_FOR_READERS,
    Endpoint,
    Fault,
    Trouble,
    know_no_mounts,
    mount_nothing,
    trickle,
)

pytestmark = pytest.mark.services


@at_each(*PULLING)
@pytest.mark.parametrize("fault", PASSING_FOR_READERS)
def test_reading_gets_over_a_fault(pulling: Bench, endpoint: Endpoint, fault: str, tmp_path: Path) -> None:
    pulling.patience = silence(fault)
    trouble = pulling.make(endpoint, PASSING_FOR_READERS[fault], always=False)
    pulling.pull(tmp_path)
    assert trouble.hits


@at_each(*PULLING)
@pytest.mark.parametrize("fault", PASSING_FOR_READERS)
def test_reading_gives_up(pulling: Bench, endpoint: Endpoint, fault: str, tmp_path: Path) -> None:
    pulling.patience = silence(fault)
    trouble = pulling.make(endpoint, PASSING_FOR_READERS[fault], always=True)
    pulling.refuse_pull(tmp_path)
    pulling.check_tries(trouble, fault)


@at_each(*PULLING)
@pytest.mark.parametrize("fault", REFUSALS_FOR_READERS)
def test_reading_is_refused(pulling: Bench, endpoint: Endpoint, fault: str, tmp_path: Path) -> None:
    trouble = pulling.make(endpoint, REFUSALS_FOR_READERS[fault], always=True)
    pulling.refuse_pull(tmp_path)
    assert trouble.hits == (9 if fault == "circle" else 1)
    assert pulling.waits == []


def without_layers(bench: Bench, folder: Path) -> DiskStore:
    """A machine's store that has the image's documents only."""
    store = DiskStore(folder)
    for part in (*bench.image.documents, bench.image.manifests[0][1].config):
        store.put(bench.store.read(part.digest))
    return store


@pytest.mark.parametrize("unmounted", [mount_nothing, know_no_mounts])
@pytest.mark.parametrize("fault", PASSING_FOR_READERS | REFUSALS_FOR_READERS)
def test_bytes_that_only_the_pool_has(bench: Bench, unmounted: Fault, fault: str, tmp_path: Path) -> None:
    """A machine without them sends them where mounts are refused: what it gets from the pool is checked."""
    bench.publish()
    bench.store = without_layers(bench, tmp_path)
    bench.patience = silence(fault)
    faults = PASSING_FOR_READERS | REFUSALS_FOR_READERS
    trouble = Trouble(PULLING[-1], faults[fault], always=fault in REFUSALS_FOR_READERS)
    bench.gate.around = lambda asked, forward: trouble(asked, lambda same: unmounted(same, forward))
    other = "1" * 32
    if fault in PASSING_FOR_READERS:
        assert bench.publisher(bench.store).publish(other, bench.image).mounted == 0
        assert read_tag(bench.gate.upstream, f"{bench.place}/envs/env_{other}") == str(bench.image.digest)
    else:
        bench.refuse(lambda: bench.publisher(bench.store).publish(other, bench.image))
        assert read_tag(bench.gate.upstream, f"{bench.place}/envs/env_{other}") is None
        assert not bench.store.has(bench.image.layers[0].digest)
    assert trouble.hits


@pytest.mark.parametrize("fault", PASSING | REFUSALS)
def test_a_pool_that_does_not_tell_what_it_has(bench: Bench, fault: str, tmp_path: Path) -> None:
    bench.publish()
    bench.store = without_layers(bench, tmp_path)
    bench.patience = silence(fault)
    trouble = Trouble(HEAD_POOL, (PASSING | REFUSALS)[fault], always=fault in REFUSALS)
    bench.gate.around = lambda asked, forward: trouble(asked, lambda same: mount_nothing(same, forward))
    if fault in PASSING or fault == "another web server":  # which says yes, and the bytes are there
        assert bench.publisher(bench.store).publish("1" * 32, bench.image).mounted == 0
    else:
        bench.refuse(lambda: bench.publisher(bench.store).publish("1" * 32, bench.image))
    assert trouble.hits


@at_each(*PULLING[:2])
def test_a_trickle_is_no_document(pulling: Bench, endpoint: Endpoint, tmp_path: Path) -> None:
    pulling.patience = Patience(whole=0.1)
    trouble = pulling.make(endpoint, trickle, always=True)
    assert "was not read whole within 0.1 s" in pulling.refuse_pull(tmp_path).message
    assert trouble.hits == 1
