"""Sending: every endpoint of Debian's registry, and every fault at it.

Either the right image is there, or a clear error says why not, and no tag is there before its blobs.
"""

from __future__ import annotations

from random import Random

import pytest

from envbuild.core.errors import RegistryError
from tests.makers.gate import Answer, Asked, Forward
from tests.makers.images import load_image, make_index
from tests.makers.registry_bench import HASH, PATIENCE, Bench, at_each, silence
from tests.makers.registry_faults import (
    DELETE_UPLOAD,
    NO_DIGEST,
    ODD_DIGEST,
    PASSING,
    PUBLISHING,
    REFUSALS,
    WRONG_BODIES,
    WRONG_DIGEST,
    Endpoint,
    Fault,
    Trouble,
    damaged,
    mount_nothing,
    padded,
    status,
    with_header,
    without,
)

pytestmark = pytest.mark.services

AT = {endpoint.name: endpoint for endpoint in PUBLISHING}


@at_each(*PUBLISHING)
@pytest.mark.parametrize("fault", PASSING)
def test_sending_gets_over_a_fault(bench: Bench, endpoint: Endpoint, fault: str) -> None:
    bench.patience = silence(fault)
    trouble = bench.make(endpoint, PASSING[fault], always=False)
    bench.publish()
    assert trouble.hits


@at_each(*PUBLISHING)
@pytest.mark.parametrize("fault", PASSING)
def test_sending_gives_up(bench: Bench, endpoint: Endpoint, fault: str) -> None:
    bench.patience = silence(fault)
    trouble = bench.make(endpoint, PASSING[fault], always=True)
    if (endpoint.name, fault) == ("PUT upload", "answer lost"):
        bench.publish()  # a blob that is there need not be sent again
        assert trouble.hits == len(bench.image.blobs)
        return
    bench.refuse(bench.publish)
    bench.check_tries(trouble, fault)
    # The tag is put last: only its own answer, or what comes after, can fail when it is there.
    assert bench.standing() in (None, str(bench.image.digest))
    if endpoint.name not in ("PUT tag", "GET tag after PUT"):
        assert bench.gate.count("PUT", "/manifests/latest") == 0


# Neither missing nor there is an error, where the other way round is a way to go on.
GOES_ON = {
    ("GET tag", "404"),
    ("GET tag before PUT", "404"),
    ("HEAD config", "404"),
    ("mount", "404"),
    ("mount", "405"),
    ("mount into pool", "404"),
    ("mount into pool", "405"),
}


@at_each(*PUBLISHING)
@pytest.mark.parametrize("fault", REFUSALS)
def test_sending_is_refused(bench: Bench, endpoint: Endpoint, fault: str) -> None:
    trouble = bench.make(endpoint, REFUSALS[fault], always=True)
    if (endpoint.name, fault) in GOES_ON:
        bench.publish()
        assert trouble.hits
        return
    error = bench.refuse(bench.publish)
    if fault == "circle":
        assert trouble.hits == 9
    elif (endpoint.name, fault) == ("PUT upload", "404"):  # as for an upload that the registry forgot
        bench.check_tries(trouble, fault)
    else:
        assert trouble.hits == 1
        assert bench.waits == []
    if fault in ("400", "401", "403", "405"):
        assert f"the registry answered {fault}" in error.message
    if fault == "401":
        assert f"docker login {bench.gate.host}" in error.hint
    assert bench.standing() in (None, str(bench.image.digest))
    if endpoint.name not in ("PUT tag", "GET tag after PUT"):
        assert bench.gate.count("PUT", "/manifests/latest") == 0


@pytest.mark.parametrize("fault", PASSING | REFUSALS)
def test_a_registry_that_mounts_nothing_is_asked_to_once(bench: Bench, fault: str) -> None:
    """What it began instead is given up; where that fails, it forgets it by itself."""
    bench.patience = silence(fault)
    trouble = Trouble(DELETE_UPLOAD, (PASSING | REFUSALS)[fault], always=True)
    bench.gate.around = lambda asked, forward: trouble(asked, lambda same: mount_nothing(same, forward))
    bench.publish()
    assert trouble.hits
    assert bench.gate.count("POST", "mount=") == 2  # of the first layer, to and fro


def test_a_new_layer_takes_three_requests(bench: Bench) -> None:
    bench.publish()
    layers = len(bench.image.layers)
    assert bench.gate.count("POST", "mount=") == 2 * layers
    assert bench.gate.count("PUT", "/uploads/") == layers + 1
    # Beside them: three of the tag, three of the config, a manifest, and the index as what the tag names.
    assert len(bench.gate.asked) == 3 * layers + 3 + 3 + 2
    assert len(bench.gate.connections) == 1


def test_a_forgotten_upload_begins_again(bench: Bench) -> None:
    bench.make(AT["PUT upload"], REFUSALS["404"], always=False)
    bench.publish()


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("name", ["mount", "POST upload"])
@pytest.mark.parametrize(
    "location",
    ["", "https://[", "file:///etc/passwd", "http://0.0.0.0:{port}/upload", "http://registry.invalid/"],
)
def test_uploads_that_lead_nowhere(bench: Bench, name: str, location: str, always: bool) -> None:
    """`0.0.0.0` is this machine, but no loopback address: a request to it would arrive at the gate."""
    there = location.format(port=bench.gate.host.partition(":")[2])
    fault = with_header("Location", there) if there else without("Location")
    bench.make(AT[name], fault, always=always)
    if name == "mount" and not there:
        bench.publish()  # no upload was begun: one is
    else:
        bench.refuse(bench.publish)
        assert bench.standing() is None
    assert not any(asked.target.startswith("/upload") for asked in bench.gate.asked)


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("name", ["PUT upload", "PUT manifest"])
def test_what_is_damaged_on_its_way_is_refused_by_the_registry(bench: Bench, name: str, always: bool) -> None:
    bench.make(AT[name], damaged, always=always)
    assert "the registry answered 400" in bench.refuse(bench.publish).message
    assert bench.standing() is None


def test_a_tag_that_was_damaged_on_its_way_is_put_again(bench: Bench) -> None:
    """No registry can know what belongs under a tag: it took other bytes, and said so."""
    bench.make(AT["PUT tag"], padded, always=False)
    bench.publish()


def test_a_tag_that_is_always_damaged_is_an_error(bench: Bench) -> None:
    trouble = bench.make(AT["PUT tag"], padded, always=True)
    error = bench.refuse(bench.publish)
    assert "other bytes than its digest says" in error.message
    assert trouble.hits == PATIENCE.attempts


@pytest.mark.parametrize("name", ["PUT upload", "PUT manifest", "PUT tag", "GET tag after PUT"])
@pytest.mark.parametrize("fault", [WRONG_DIGEST, ODD_DIGEST], ids=["wrong", "md5"])
def test_a_registry_that_states_another_digest_is_not_believed(bench: Bench, name: str, fault: Fault) -> None:
    bench.make(AT[name], fault, always=True)
    bench.refuse(bench.publish)
    assert bench.standing() in (None, str(bench.image.digest))
    assert bench.gate.count("PUT", "/manifests/latest") == 0 or "tag" in name


@at_each(*PUBLISHING)
def test_no_answer_needs_to_state_a_digest(bench: Bench, endpoint: Endpoint) -> None:
    bench.make(endpoint, NO_DIGEST, always=True)
    bench.publish()


@pytest.mark.parametrize("fault", WRONG_BODIES)
def test_a_published_tag_is_read_and_checked(bench: Bench, fault: str) -> None:
    bench.make(AT["GET tag after PUT"], WRONG_BODIES[fault], always=True)
    bench.refuse(bench.publish)
    bench.make(AT["GET tag"], WRONG_BODIES[fault], always=True)
    bench.refuse(lambda: bench.publisher(bench.store).exists(HASH))


def test_a_mount_that_is_claimed_but_not_made_leaves_no_tag(bench: Bench) -> None:
    bench.make(AT["mount"], status(201, Location="/v2/"), always=True)
    assert "MANIFEST_BLOB_UNKNOWN" in bench.refuse(bench.publish).message
    assert bench.standing() is None


@pytest.mark.parametrize("seed", range(8))
def test_faults_anywhere_while_much_is_sent_at_once(bench: Bench, seed: int) -> None:
    """One request of eight fails in some way; what comes of that is the right image or none."""
    bench.image = load_image(bench.store, make_index(bench.store))
    bench.jobs = 8
    random = Random(seed)  # which request draws what is up to the threads
    faults = [fault for name, fault in (PASSING | REFUSALS).items() if name != "silent"]

    def misbehave(asked: Asked, forward: Forward) -> Answer:
        return random.choice(faults)(asked, forward) if random.random() < 1 / 8 else forward(asked)

    bench.gate.around = misbehave
    for _ in range(4):
        try:
            bench.publish()
        except RegistryError as error:
            assert error.hint  # noqa: PT017 - either outcome is right
            assert bench.standing() in (None, str(bench.image.digest))
    bench.gate.around = lambda asked, forward: forward(asked)
    bench.publish()
