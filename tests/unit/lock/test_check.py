"""Fresh or stale: decided from the lock and the question alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.platform import Platform
from envbuild.lock.check import check_lock, record_inputs
from envbuild.lock.model import (
    DebianQuestion,
    Index,
    Lock,
    Locked,
    Pin,
    PlatformLock,
    PythonQuestion,
    Questions,
)
from envbuild.spec.wheels import LocalWheel
from tests.makers.questions import ask, make_facts

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
SHA = {name: digit * 64 for name, digit in (("app", "a"), ("dep", "b"), ("fast", "c"), ("own", "d"))}


def wheel(
    name: str, version: str = "1.0", *requires: str, source: str = "main", extras: tuple[str, ...] = ()
) -> Locked:
    file = f"{name}-{version}-py3-none-any.whl"
    return Locked("wheel", name, version, source, file, SHA[name], 1, requires, extras)


APP, DEP = wheel("app", "1.5", "dep>=1"), wheel("dep")
QUESTION = ask("app>=1", indexes=(Index("main", ""), Index("other", "https://other.example/simple")))


def lock_of(question: PythonQuestion, *artifacts: Locked, **more: Mapping[str, object]) -> Lock:
    part = PlatformLock(artifacts, **{"facts": {"python": "3.11"}, **more})  # type: ignore[arg-type]
    return Lock("environment", record_inputs({AMD64: question}), {AMD64: part})


LOCK = lock_of(QUESTION, APP, DEP)


def check(question: PythonQuestion, lock: Lock = LOCK) -> tuple[str, ...]:
    return check_lock(lock, "environment", {AMD64: question}, [AMD64])


def asking(*requirements: str, **more: object) -> PythonQuestion:
    return replace(QUESTION, requirements=ask(*requirements).requirements, **more)  # type: ignore[arg-type]


# A merge, or somebody, may have left what no resolver writes.
@pytest.mark.parametrize("edge", ["(((", "dep; python_version ~= 'x'"])
def test_a_lock_with_edges_that_are_none(edge: str) -> None:
    broken = lock_of(QUESTION, replace(APP, requires=(edge,)), DEP)
    (reason,) = check(QUESTION, broken)
    assert reason.startswith("it states a dependency that is none: ")


# The target's own marker is at fault, not its lock.
def test_a_requirement_that_nobody_can_judge() -> None:
    with pytest.raises(SpecError, match="compares what cannot be compared"):
        check(asking("app; python_version ~= 'x'"))


FRESH = {
    "nothing changed": QUESTION,
    "order, comments and spelling": asking("App >= 1"),
    "another bound that the locked version satisfies": asking("app>=1.2,<2"),
    "a requirement that was a dependency": asking("app>=1", "dep"),
    "a marker that does not hold on the target": asking("app>=1", "win; sys_platform == 'win32'"),
    "a constraint that holds": asking("app>=1", constraints=("dep<2",)),
    "a constraint on what is not there": asking("app>=1", constraints=("numpy<2",)),
    "a constraint whose marker does not hold": asking("app>=1", constraints=("dep>9; python_version < '3'",)),
    "the hash of the locked file": asking(f"app --hash=sha256:{SHA['app']}"),
    "a newer C library and patch release": replace(QUESTION, facts=make_facts("glibc 2.41", "3.11.9")),
}


@pytest.mark.parametrize("question", FRESH.values(), ids=FRESH)
def test_fresh(question: PythonQuestion) -> None:
    assert check(question) == ()


STALE = {
    "`app` is no longer required": asking("dep"),
    "`fast` is not locked, but it is required": asking("app", "fast"),
    "`app` is locked at 1.5, but `>=2` is required": asking("app>=2"),
    "`dep` is locked at 1.0, but `<1` is required": asking("app", constraints=("dep<1",)),
    "`app` is locked without the extra `speed`": asking("app[speed]"),
    "the locked file of `app` has none of the hashes that are required": asking(
        f"app --hash=sha256:{'0' * 64}"
    ),
    "`app` is not locked from the URL that is required": asking(
        "app @ https://x.example/app-1.5-py3-none-any.whl"
    ),
    "it is locked for Python 3.11, but the target has 3.12.1": replace(
        QUESTION, facts=make_facts(python="3.12.1")
    ),
    "the package indexes changed; by priority, they are now `main`": replace(
        QUESTION, indexes=QUESTION.indexes[:1]
    ),
    "the package indexes changed; by priority, they are now `other`, `main`": replace(
        QUESTION, indexes=QUESTION.indexes[::-1]
    ),
    "the URL of the package index `other` changed": replace(
        QUESTION, indexes=(Index("main", ""), Index("other", "https://moved.example/simple"))
    ),
    "the packages that only the index `main` serves changed": replace(
        QUESTION, indexes=(Index("main", "", ("app",)), QUESTION.indexes[1])
    ),
}


@pytest.mark.parametrize(("reason", "question"), STALE.items())
def test_stale(reason: str, question: PythonQuestion) -> None:
    assert reason in check(question)


def test_a_marker_that_begins_to_hold() -> None:
    lock = lock_of(asking("app", "fast; python_version < '3.11'"), APP, DEP)
    assert check(asking("app", "fast; python_version < '3.12'"), lock) == (
        "`fast` is not locked, but it is required",
    )


def test_platforms_that_come_and_go() -> None:
    assert check_lock(LOCK, "environment", {AMD64: QUESTION, ARM64: QUESTION}, [AMD64, ARM64]) == (
        "it is not locked for `linux/arm64`",
    )
    assert check_lock(LOCK, "environment", {}, [ARM64]) == (
        "`linux/amd64` is no longer a platform of the target",
    )


def test_another_rule() -> None:
    assert check_lock(LOCK, "other", {AMD64: QUESTION}, [AMD64]) == (
        "it was locked for the rule `environment`, but the target's is `other`",
    )


def test_a_merge_that_lost_a_package_is_found_although_the_inputs_are_equal() -> None:
    assert check(QUESTION, lock_of(QUESTION, APP)) == ("`dep` is not locked, but `app` requires it",)
    assert check(QUESTION, lock_of(QUESTION, APP, DEP, wheel("fast"))) == ("`fast` is no longer required",)


def test_a_dependency_s_own_bound_counts() -> None:
    lock = lock_of(QUESTION, wheel("app", "1.5", "dep>=2"), DEP)
    assert check(asking("app"), lock) == ("`dep` is locked at 1.0, but `app` requires `>=2`",)


def test_the_c_library_that_wheels_need() -> None:
    lock = lock_of(QUESTION, APP, DEP, facts={"python": "3.11", "libc": "glibc 2.34"})
    assert check(QUESTION, lock) == ()
    older = replace(QUESTION, facts=make_facts("glibc 2.31"))
    assert check(older, lock) == ("its wheels need glibc 2.34, but the target has glibc 2.31",)
    musl = replace(QUESTION, facts=make_facts("musl 1.2"))
    assert check(musl, lock) == ("its wheels need glibc 2.34, but the target has musl 1.2",)


def test_a_patch_release_that_was_relied_on() -> None:
    lock = lock_of(QUESTION, APP, DEP, facts={"python": "3.11.2"})
    assert check(QUESTION, lock) == ()
    assert check(replace(QUESTION, facts=make_facts(python="3.11.20")), lock) == (
        "it is locked for Python 3.11.2, but the target has 3.11.20",
    )


def test_what_is_relied_on_of_a_base() -> None:
    based = replace(QUESTION, pins={"dep": DEP, "fast": wheel("fast")})
    lock = lock_of(based, APP, pins={"dep": Pin("1.0")})
    assert check(based, lock) == ()
    # `fast` is nobody's business here: it may change or go.
    assert check(replace(based, pins={"dep": DEP, "fast": wheel("fast", "2.0")}), lock) == ()
    assert check(replace(based, pins={"dep": wheel("dep", "1.1")}), lock) == (
        "the base has `dep` 1.1 now, and had 1.0",
    )
    assert check(replace(based, pins={"dep": DEP, "app": APP}), lock) == ("`app` is in the base now",)
    assert "`dep` is no longer in the base" in check(replace(based, pins={}), lock)


def test_extras_asked_of_a_base() -> None:
    based = replace(asking("app[speed]"), pins={"app": APP, "dep": DEP})
    pin = Pin("1.5", ("fast; extra == 'speed'",))
    lock = lock_of(based, wheel("fast"), pins={"app": pin})
    assert check(based, lock) == ()
    assert check(based, lock_of(based, pins={"app": pin})) == ("`fast` is not locked, but `app` requires it",)


def test_wheels_count_by_content() -> None:
    own = LocalWheel("wheels/own-1.0-py3-none-any.whl", SHA["own"], 1)
    question = replace(QUESTION, wheels=(own,))
    local = replace(wheel("own", source=""), file=own.file)
    lock = lock_of(question, APP, DEP, local)
    assert check(question, lock) == ()
    moved = replace(question, wheels=(replace(own, file="elsewhere/own-1.0-py3-none-any.whl"),))
    assert check(moved, lock) == ()
    changed = replace(question, wheels=(replace(own, sha256="0" * 64),))
    assert check(changed, lock) == ("the wheel of `own` has other contents than the locked one",)
    # The package is still required, but now an index would serve it.
    public = asking("app", "own")
    assert check(public, lock) == ("`own` is no longer a wheel of the workspace",)


def test_direct_urls() -> None:
    url = "https://x.example/app-1.5-py3-none-any.whl"
    question = asking(f"app @ {url}")
    lock = lock_of(question, replace(APP, source="", file=url), DEP)
    assert check(question, lock) == ()
    assert check(asking(f"app @ {url}#sha256={SHA['app']}"), lock) == ()
    assert check(asking(f"app @ {url}#sha256={'0' * 64}"), lock) == (
        "`app` is not locked from the URL that is required",
    )
    assert check(asking("app"), lock) == ("`app` is no longer required by its URL",)


def test_prereleases_need_somebody_who_asks() -> None:
    question = asking("app>=2rc1")
    lock = lock_of(question, wheel("app", "2rc1", "dep>=1"), DEP)
    assert check(question, lock) == ()
    assert check(asking("app"), lock) == ("`app` 2rc1 is a prerelease, and nothing asks for one",)


DEBIAN = DebianQuestion("debian", "bookworm", ("main",), ("python3.11", "tzdata"), False, AMD64)


def check_debian(question: DebianQuestion) -> tuple[str, ...]:
    lock = Lock("debian_base", record_inputs({AMD64: DEBIAN}), {AMD64: PlatformLock(())})
    return check_lock(lock, "debian_base", {AMD64: question}, [AMD64])


def test_debian() -> None:
    assert check_debian(DEBIAN) == ()
    assert check_debian(replace(DEBIAN, packages=("tzdata", "python3.11", "tzdata"))) == ()
    assert check_debian(replace(DEBIAN, packages=("tzdata", "git"), essential=True, suite="trixie")) == (
        "`suite` is `trixie` now, and was `bookworm`",
        "`essential` is `true` now, and was `false`",
        "`git` is now required",
        "`python3.11` is no longer required",
    )
    assert check_debian(replace(DEBIAN, source="mirror", components=())) == (
        "`source` is `mirror` now, and was `debian`",
        "`components` is nothing now, and was `main`",
    )


BOTH = Questions((QUESTION, DEBIAN))
BOTH_LOCK = Lock("environment", record_inputs({AMD64: BOTH}), LOCK.platforms)


def test_several_questions_are_each_judged() -> None:
    assert check_lock(BOTH_LOCK, "environment", {AMD64: BOTH}, [AMD64]) == ()
    changed = Questions((QUESTION, replace(DEBIAN, suite="trixie")))
    assert check_lock(BOTH_LOCK, "environment", {AMD64: changed}, [AMD64]) == (
        f"`suite` is `trixie` now, and was `{DEBIAN.suite}`",
    )


def test_a_question_that_is_no_longer_asked_makes_a_lock_stale() -> None:
    assert check_lock(BOTH_LOCK, "environment", {AMD64: QUESTION}, [AMD64]) == (
        "it answers more than the target asks",
    )


def test_what_is_relied_on_of_a_base_s_debian_packages() -> None:
    base = {"libc6": "2.36-9", "libssl3": "3.0-1", "zlib1g": "1.2-1"}
    question = replace(DEBIAN, installed=base)
    deb = Locked("deb", "git", "1:2-1", "debian", "pool/git.deb", SHA["app"], 9, requires=("libc6",))
    part = PlatformLock((deb,), installed={"libc6": "2.36-9", "zlib1g": "1.2-1"})

    def check_on(**packages: str) -> tuple[str, ...]:
        lock = Lock("environment", record_inputs({AMD64: question}), {AMD64: part})
        return check_lock(lock, "environment", {AMD64: replace(question, installed=packages)}, [AMD64])

    assert check_on(**base) == ()
    assert check_on(libc6="2.36-9", zlib1g="1.2-1", libssl3="3.0-2", other="1") == ()
    assert check_on(libc6="2.36-10", git="1:1-1") == (
        "the base has the Debian package `libc6` 2.36-10 now, and had 2.36-9",
        "the Debian package `zlib1g` is no longer in the base",
        "the Debian package `git` is in the base now",
    )


# A wheel and a Debian package may have one name: each is judged by its own question.
def test_a_debian_package_is_called_as_a_wheel() -> None:
    deb = Locked("deb", "lonely", "1", "debian", "pool/lonely.deb", SHA["app"], 9)
    part = replace(LOCK.platforms[AMD64], artifacts=(*LOCK.platforms[AMD64].artifacts, deb))
    lock = Lock("environment", record_inputs({AMD64: BOTH}), {AMD64: part})
    assert check_lock(lock, "environment", {AMD64: BOTH}, [AMD64]) == ()
