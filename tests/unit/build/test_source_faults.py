"""Every question to a package index or a Debian mirror, with every fault: the right answer, or a clear error.

Whatever goes wrong, nothing wrong is kept, the number of tries is bounded, and the next try succeeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from envbuild.core.errors import ExitCode, SourceError
from envbuild.sources.http import Patience
from tests.makers import faulty
from tests.makers.debian import Signer, signers
from tests.makers.faulty import ALWAYS, Fault, File, Plan, Site, run_site, status
from tests.makers.sources import PAUSE, QUESTIONS, Question, World, mirror_files

SECRET: Final = "s3cret"


# What another try may cure.
CUTS = (faulty.CUT_BEFORE, faulty.CUT_STATUS, faulty.CUT_HEADERS, faulty.NO_HTTP)
BROKEN_BODIES = (faulty.CUT_BODY, faulty.RESET_BODY)
BUSY = (status(429), status(500), status(503), status(503, Retry_After="7"), status(429, Retry_After="7"))
STALLS = (faulty.STALL_BEFORE, faulty.STALL_BODY)
PASSING = (*CUTS, *BROKEN_BODIES, *BUSY)
# What it cannot.
REFUSALS = (status(401), status(403), status(404), status(410))
WRONG_BYTES = (faulty.SHORT, faulty.FLIPPED, faulty.ENDLESS)
RANGES = (faulty.NO_RANGES, faulty.OTHER_RANGE, faulty.OTHER_LENGTH)

BODY_IS_NOT_READ = {"has"}
IN_RANGES = {"wheel-resumed", "deb-resumed", "metadata", "metadata-far"}
PAGES = {"page-html", "page-json"}
# Where a fault of the group is not what it is elsewhere.
RIGHT_ALL_THE_SAME = {
    ("release", "404"): "its signature also lies beside it",
    ("by-hash", "404"): "the index also lies where it did before there was `by-hash`",
    ("metadata", "no-ranges"): "the whole wheel is read",
    ("metadata", "other-range"): "it contradicts itself: the whole wheel is read",
    ("wheel-resumed", "no-ranges"): "what is there already is passed over",
    ("deb-resumed", "no-ranges"): "likewise",
    ("has", "404"): "an answer, too",
}


@pytest.fixture(scope="module")
def signer() -> Iterator[Signer]:
    with signers("never") as (made,):
        yield made


@pytest.fixture(scope="module")
def mirror(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, File]:
    return mirror_files(tmp_path_factory.mktemp("mirror"), signer)


@pytest.fixture
def world(
    signer: Signer, mirror: dict[str, File], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A login for the site, and for nobody else, is in netrc."""
    (tmp_path / "netrc").write_text(f"machine localhost login robin password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with run_site(Site(dict(mirror))) as site:
        world = World(site, tmp_path / "cache", signer.keyring)
        yield world
        world.http.close()


def prepare(world: World, question: Question, fault: Fault, times: int) -> None:
    site = world.site
    site.files, site.ranges = question.files(site.files), question.ranges
    site.plans = [Plan(question.matches, fault, times)]
    if question.resumed:
        site.plans.append(Plan(lambda asked: question.path in asked.path, faulty.CUT_BODY, 1))


def check_right(world: World, question: Question) -> None:
    assert question.ask(world) == question.right


def check_error(world: World, question: Question) -> int:
    """Returns how many requests the error took."""
    with pytest.raises(SourceError) as caught:
        question.ask(world)
    error = caught.value
    assert error.exit_code is ExitCode.SERVICE
    assert [name for name in question.names if name not in error.message] == []
    assert error.hint
    assert SECRET not in str(error)
    # To tell what took the place of a package that is gone, the mirror's index is read: verified.
    superseded = question.name.startswith("deb") and "any more" in error.message
    assert [path for path in world.kept() if not (superseded and path.startswith("debian/"))] == []
    tries, waits = count(world, question), list(world.waits)
    # Nothing stands in the way of the next try.
    world.site.plans.clear()
    check_right(world, question)
    world.waits[:] = waits
    return tries


def count(world: World, question: Question) -> int:
    return world.site.count(question.matches)


def cells(*groups: tuple[Fault, ...], among: set[str] | None = None) -> pytest.MarkDecorator:
    """A case for each question, or for those stated, with each fault."""
    cases = [
        pytest.param(question, fault, id=f"{question.name}-{fault.name}")
        for question in QUESTIONS
        for group in groups
        for fault in group
        if among is None or question.name in among
    ]
    return pytest.mark.parametrize(("question", "fault"), cases)


each = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


# The cells below would pass for the wrong reason if their questions were not asked as they say.
@each
def test_no_fault(world: World, question: Question) -> None:
    prepare(world, question, faulty.CUT_BEFORE, 0)
    check_right(world, question)
    assert count(world, question) == 1
    assert world.waits == ([PAUSE] if question.resumed else [])


@cells(PASSING)
def test_once_what_passes(world: World, question: Question, fault: Fault) -> None:
    prepare(world, question, fault, 1)
    check_right(world, question)
    tries = 1 if question.name in BODY_IS_NOT_READ and fault in BROKEN_BODIES else 2
    assert count(world, question) == tries
    assert len(world.waits) == tries - 1 + question.resumed
    assert (7.0 in world.waits) == ("Retry" in fault.name)


@cells(PASSING)
def test_always_what_passes(world: World, question: Question, fault: Fault) -> None:
    prepare(world, question, fault, ALWAYS)
    if question.name in BODY_IS_NOT_READ and fault in BROKEN_BODIES:
        check_right(world, question)
        assert world.waits == []
        return
    # A download has three tries in all, of which the first broke off before the resumed ones.
    resumed = question.resumed and fault in BROKEN_BODIES
    assert check_error(world, question) == (2 if resumed else 3)
    doubled = [7.0, 7.0] if "Retry" in fault.name else [PAUSE, 2 * PAUSE]
    assert world.waits == ([PAUSE] if question.resumed and not resumed else []) + doubled


@pytest.mark.parametrize("times", [1, ALWAYS], ids=["once", "always"])
@cells(STALLS)
def test_stalls(world: World, question: Question, fault: Fault, times: int) -> None:
    impatient = replace(world, patience=Patience(read=0.3, pause=PAUSE, attempts=3 if times == 1 else 2))
    prepare(impatient, question, fault, times)
    if times == 1 or (question.name in BODY_IS_NOT_READ and fault is faulty.STALL_BODY):
        check_right(impatient, question)
    else:
        check_error(impatient, question)


@cells(REFUSALS)
def test_refusals(world: World, question: Question, fault: Fault) -> None:
    prepare(world, question, fault, ALWAYS)
    if (question.name, fault.name) == ("has", "404"):
        assert question.ask(world) is False
    elif (question.name, fault.name) in RIGHT_ALL_THE_SAME:
        check_right(world, question)
    else:
        assert check_error(world, question) == 1
    assert world.waits == ([PAUSE] if question.resumed else [])


@cells(WRONG_BYTES)
def test_wrong_bytes(world: World, question: Question, fault: Fault) -> None:
    prepare(world, question, fault, ALWAYS)
    if question.name in BODY_IS_NOT_READ or (question.name, fault.name) in RIGHT_ALL_THE_SAME:
        check_right(world, question)
    else:
        check_error(world, question)


@cells(RANGES, among=IN_RANGES)
def test_ranges(world: World, question: Question, fault: Fault) -> None:
    prepare(world, question, fault, ALWAYS)
    if (question.name, fault.name) in RIGHT_ALL_THE_SAME:
        check_right(world, question)
    else:
        check_error(world, question)


@each
def test_another_file_s_bytes(world: World, question: Question) -> None:
    prepare(world, question, faulty.other_file(question.other), ALWAYS)
    if question.name in BODY_IS_NOT_READ:
        check_right(world, question)
    else:
        check_error(world, question)


@each
def test_wrong_type(world: World, question: Question) -> None:
    prepare(world, question, faulty.WRONG_TYPE, ALWAYS)
    if question.name in PAGES:
        check_error(world, question)
    else:
        check_right(world, question)


@each
def test_redirected_elsewhere(world: World, question: Question) -> None:
    with run_site(Site(question.files(world.site.files), question.ranges)) as other:
        elsewhere = other.url.replace("localhost", "127.0.0.1")
        prepare(world, question, faulty.redirect("elsewhere", lambda asked: elsewhere + asked.path), ALWAYS)
        check_right(world, question)
    assert all("authorization" in asked.headers for asked in world.site.asked)
    assert other.asked
    assert not any("authorization" in asked.headers for asked in other.asked)


@each
def test_redirected_in_circles(world: World, question: Question) -> None:
    prepare(world, question, faulty.redirect("circle", lambda asked: asked.path), ALWAYS)
    assert check_error(world, question) == 9
