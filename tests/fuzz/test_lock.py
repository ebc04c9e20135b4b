"""Locks in which anything is exchanged: a lock of the same form, or a refusal that names the file."""

from __future__ import annotations

import json

from hypothesis import given

from envbuild.core.digest import Digest
from envbuild.core.errors import LockError
from envbuild.core.platform import Platform
from envbuild.lock.base_image import BaseImage, Folder, Root
from envbuild.lock.check import check_lock, record_inputs
from envbuild.lock.codec import decode_lock, encode_lock
from envbuild.lock.model import (
    Build,
    CondaQuestion,
    CondaRecord,
    DebianQuestion,
    Lock,
    Locked,
    Pin,
    PlatformLock,
    Questions,
)
from envbuild.rule.facts import read_facts
from tests.makers.documents import documents, read_or_say
from tests.makers.mutants import fuzz
from tests.makers.questions import ask

AMD64, SHA = Platform(), "ab" * 32
QUESTION = ask("six>=1")
WHEEL = Locked("wheel", "six", "1.0", "main", "six-1.0-py3-none-any.whl", SHA, 11, ("dep>=1",), ("fast",))
DEB = Locked("deb", "libc6", "2:2.36-9~x", "debian", "pool/libc6.deb", SHA, 12, notes=("é",))
LAYER = Locked("tar+gzip", "layer-1", f"sha256:{SHA}", "hub", "library/x", SHA, 13)
IMAGE = BaseImage(
    f"sha256:{SHA}", Digest(SHA, 14), (LAYER,), {"Env": ["A=b"]}, {"libc": "glibc 2.36"},
    Root({"lib": "usr/lib"}, {"tmp": Folder(0o1777)}, {"me": "1:1"}, {"us": "2"}), ("libc6 2 amd64",),
)  # fmt: skip
RECORD = CondaRecord(
    "py311_0", 1, "python", ("b <2",), "MIT", "ab" * 16, 1, ("mkl",), "lib/python3.11/site-packages",
    ("six==1.0",), ("A=${CONDA_PREFIX}/b",), ("etc/conda/activate.d/six.sh",),
)  # fmt: skip
SIX = Locked(
    "conda", "six", "1.0", "ours", "noarch/six-1.0-py311_0.conda", SHA, 15, ("__glibc >=2",), conda=RECORD
)
CONDA = CondaQuestion(("six",), ("ours",), "strict", ("__glibc=2.36=0",), AMD64)
CONDA_LOCK = Lock(
    "environment",
    record_inputs({AMD64: Questions((CONDA, QUESTION))}),
    {AMD64: PlatformLock((SIX,), {"virtual": "__glibc=2.36=0", "python": "3.11"}, {"six": Pin("1.0")})},
)
PART = PlatformLock((WHEEL, DEB), {"python": "3.11", "libc": "glibc 2.5"}, {"dep": Pin("2.0", ("a",))})
SDIST = Locked("sdist", "app", "1.0", "main", "app-1.0.tar.gz", SHA, 13, ("six",))
BUILD = Build("a.b:c", ("d",), ("six>=1",), (WHEEL,))
BUILT = PlatformLock((SDIST,), {"python": "3.11"}, builds={"app": BUILD})
LOCK = Lock("environment", record_inputs({AMD64: QUESTION}), {AMD64: PART})
DEBIAN = DebianQuestion("debian", "bookworm", ("main",), ("dash",), essential=True, platform=AMD64)


def decode(data: bytes) -> Lock:
    return decode_lock(data, file="app.lock.json", label="//:app")


def check(data: bytes) -> None:
    lock = read_or_say(lambda: decode(data), LockError)
    if lock is None:
        return
    written = encode_lock(lock)
    assert encode_lock(decode(written)) == written
    for question in (QUESTION, DEBIAN, Questions((CONDA, QUESTION))):
        reasons = check_lock(lock, "environment", {AMD64: question}, [AMD64])
        assert all(reason.isprintable() for reason in reasons)
    for platform, part in lock.platforms.items():
        read_facts(part.facts, platform)


@fuzz
@given(documents(json.loads(encode_lock(LOCK))))
def test_a_lock_of_packages(data: bytes) -> None:
    check(data)


@fuzz
@given(documents(json.loads(encode_lock(Lock("environment", {"sdists": ["app"]}, {AMD64: BUILT})))))
def test_a_lock_of_builds(data: bytes) -> None:
    check(data)


@fuzz
@given(documents(json.loads(encode_lock(CONDA_LOCK))))
def test_a_lock_of_conda_packages(data: bytes) -> None:
    check(data)


@fuzz
@given(documents(json.loads(encode_lock(Lock("x", {}, {AMD64: PlatformLock((), images={"r": IMAGE})})))))
def test_a_lock_of_images(data: bytes) -> None:
    check(data)


def test_locks_that_nobody_changed_are_read() -> None:
    # Else the tests above could only ever see refusals.
    assert decode(encode_lock(LOCK)).platforms[AMD64].pins == PART.pins
    asked = Questions((CONDA, QUESTION))
    assert check_lock(decode(encode_lock(CONDA_LOCK)), "environment", {AMD64: asked}, [AMD64]) == ()
    assert "`dep` is no longer in the base" in check_lock(LOCK, "environment", {AMD64: QUESTION}, [AMD64])
    assert decode(encode_lock(Lock("x", {}, {AMD64: PlatformLock((), images={"r": IMAGE})}))).platforms
