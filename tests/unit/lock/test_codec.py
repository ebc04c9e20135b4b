"""Lock files: equal locks are equal bytes, and nothing in a file is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.digest import Digest
from envbuild.core.errors import LockError
from envbuild.core.platform import Platform
from envbuild.lock.base_image import BaseImage, Folder, Root
from envbuild.lock.codec import decode_lock, encode_lock
from envbuild.lock.model import Build, Lock, Locked, Pin, PlatformLock

SHA = "ab" * 32
AMD64 = Platform("linux", "amd64")
WHEEL = Locked("wheel", "six", "1.0", "pypi", "six-1.0-py3-none-any.whl", SHA, 11, ("dep>=1",), ("fast",))
DEB = Locked(
    "deb", "libc6", "2:2.36-9+deb12u1~x", "debian", "pool/main/g/glibc/libc6.deb", SHA, 12, notes=("é",)
)
LOCK = Lock(
    "environment",
    {"requirements": ["six"], "indexes": [{"alias": "pypi", "url": "", "packages": []}]},
    {AMD64: PlatformLock((DEB, WHEEL), {"python": "3.11"}, {"dep": Pin("2.0", ("a; extra == 'x'",))})},
)


def decode(data: bytes) -> Lock:
    return decode_lock(data, file="app/train.lock.json", label="//app:train")


def test_golden_bytes() -> None:
    expected = f"""{{
  "schema": 1,
  "rule": "environment",
  "inputs": {{
    "indexes": [
      {{"alias": "pypi", "url": "", "packages": []}}
    ],
    "requirements": [
      "six"
    ]
  }},
  "platforms": {{
    "linux/amd64": {{
      "artifacts": [
        {{"name": "libc6", "version": "2:2.36-9+deb12u1~x", "kind": "deb", "source": "debian", \
"file": "pool/main/g/glibc/libc6.deb", "sha256": "{SHA}", "size": 12, "notes": ["é"]}},
        {{"name": "six", "version": "1.0", "kind": "wheel", "source": "pypi", \
"file": "six-1.0-py3-none-any.whl", "sha256": "{SHA}", "size": 11, "requires": ["dep>=1"], \
"extras": ["fast"]}}
      ],
      "facts": {{
        "python": "3.11"
      }},
      "pins": {{
        "dep": [
          "2.0",
          "a; extra == 'x'"
        ]
      }}
    }}
  }}
}}
"""
    assert encode_lock(LOCK).decode() == expected
    assert decode(encode_lock(LOCK)) == LOCK


def test_packages_of_a_base_come_back() -> None:
    lock = Lock("environment", {}, {AMD64: PlatformLock((), installed={"libc6": "2.36-9+deb12u10"})})
    assert decode(encode_lock(lock)) == lock


def test_the_order_of_values_changes_nothing() -> None:
    part = LOCK.platforms[AMD64]
    other = Lock(
        LOCK.rule,
        dict(reversed(list(LOCK.inputs.items()))),
        {AMD64: PlatformLock(part.artifacts[::-1], part.facts, part.pins)},
    )
    assert encode_lock(other) == encode_lock(LOCK)


ALIASES = st.sampled_from(["pypi", "corp.example", "x_1"])
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
LOCKED = st.builds(
    Locked,
    kind=st.just("wheel"),
    name=NAMES,
    version=st.sampled_from(["1.0", "2!1.0+cpu"]),
    source=ALIASES,
    file=NAMES,
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    size=st.integers(0, 1 << 49),
    requires=st.lists(NAMES).map(tuple),
    extras=st.lists(NAMES).map(tuple),
)


IMAGE = BaseImage(
    named=f"sha256:{SHA}",
    manifest=Digest(SHA, 500),
    layers=(
        Locked("tar+gzip", "layer-000", f"sha256:{SHA}", "", "oci://reg.example:5000/team/base", SHA, 9),
        Locked("tar+zstd", "layer-001", f"sha256:{SHA}", "ours", "team/base", SHA, 9),
    ),
    config={"Env": ["PATH=/bin"], "ExposedPorts": {"80/tcp": {}}},
    facts={"libc": "glibc 2.36"},
    root=Root(
        {"bin": "usr/bin"},
        {"tmp": Folder(0o1777), "home/me": Folder(0o700, 7, 8)},
        {"me": "7:8"},
        {"us": "8"},
        {"awk": 5},
    ),
    packages=("libc6 2.36 amd64",),
    lazy={SHA: {"containerd.io/snapshot/stargz/toc.digest": "sha256:0"}},
)
IMAGES = Lock("base_image", {}, {AMD64: PlatformLock((), images={"reg.example:5000/team/base:1": IMAGE})})


def image(**changes: Any) -> dict[str, Any]:
    """The JSON of a lock whose image has other values."""
    document: dict[str, Any] = json.loads(encode_lock(IMAGES))
    document["platforms"]["linux/amd64"]["images"]["reg.example:5000/team/base:1"].update(changes)
    return document


def test_images_of_registries_come_back() -> None:
    assert decode(encode_lock(IMAGES)) == IMAGES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"named": "sha256:short"}, "is not a sha256 digest"),
        ({"manifest": [f"sha256:{SHA}", 0]}, "is no digest with its size"),
        ({"manifest": [f"sha256:{SHA}", 1 << 40]}, "is no digest with its size"),
        ({"layers": [json.loads(encode_lock(LOCK))["platforms"]["linux/amd64"]["artifacts"][1]]}, "no layer"),
        ({"config": []}, "`config` of `reg.example:5000/team/base:1` is not a mapping"),
        ({"config": {"Env": 1.5}}, "`Env` of `config` of `reg.example:5000/team/base:1` is no list of texts"),
        ({"config": {"Env": ["A"]}}, "`config` of `reg.example:5000/team/base:1` is not as it was written"),
        ({"config": {"more": {"a": 1.5}}}, "is not as it was written"),
        ({"facts": {"libc": "glibc"}}, "`glibc` is no fact `libc`"),
        ({"root": {"links": {}, "folders": {}, "users": {"me": "x"}, "groups": {}}}, "`x` is no user"),
        ({"root": {"links": {}, "folders": {}, "users": {}, "groups": {"us": "-1"}}}, "`-1` is no group"),
        (
            {"root": {"links": {}, "folders": {"tmp": "99"}, "users": {}, "groups": {}}},
            "no mode with an owner",
        ),
        ({"root": {"links": {"a": "b\x1b"}, "folders": {}, "users": {}, "groups": {}}}, "is not a text"),
        (
            {"root": {"links": {}, "folders": {}, "users": {}, "groups": {}, "alternatives": {"awk": True}}},
            "no mapping to priorities",
        ),
        ({"facts": {"suite": "../x"}}, "`../x` is no fact `suite`"),
        ({"packages": [1]}, "is not a text"),
        ({"more": 1}, "unknown key `more`"),
    ],
)
def test_broken_images(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LockError) as caught:
        decode(json.dumps(image(**changes)).encode())
    assert message in caught.value.message


@given(st.lists(LOCKED, unique_by=lambda each: each.name))
def test_round_trip(artifacts: list[Locked]) -> None:
    lock = Lock("environment", {}, {AMD64: PlatformLock(tuple(sorted(artifacts)))})
    assert decode(encode_lock(lock)) == lock


def artifact(**changes: Any) -> Callable[[dict[str, Any]], None]:
    """Changes the second artifact, a wheel."""
    return lambda document: document["platforms"]["linux/amd64"]["artifacts"][1].update(changes)


def top(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(changes)


def part(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["platforms"]["linux/amd64"].update(changes)


BROKEN = {
    "its schema is `0`": top(schema=0),
    "its schema is `True`": top(schema="True"),
    "its schema is no number": top(schema=[]),
    "the lock has an unknown key `more`": top(more=1),
    "the lock has an unknown key `a\\nhint: b\\x1b`": top(**{"a\nhint: b\x1b": 1}),
    f"the lock has an unknown key `{'a' * 80}...`": top(**{"a" * 5000: 1}),
    "`2 3` is no version": part(installed={"libc6": "2 3"}),
    "`../x` is no package name": part(installed={"../x": "2"}),
    "its inputs are nested too deeply": top(inputs={"a": [[[[[]]]]]}),
    "its inputs hold something else than texts and integers": top(inputs={"a": ["\x1b[2J"]}),
    "its inputs hold something else than texts": top(inputs={"a": [1.5]}),
    "it calls `linux/arm64` `linux/arm64/v8`": top(platforms={"linux/arm64/v8": {}}),
    "the facts of `linux/amd64` has an unknown key `x`": part(facts={"x": "y"}),
    "`glibc 2.9999999` is no fact `libc`": part(facts={"libc": "glibc 2.9999999"}),
    "`x` is no fact `python`": part(facts={"python": "x"}),
    "`sh` is no fact `interpreter`": part(facts={"interpreter": "sh"}),
    "...` is no version": artifact(version="9" * 5000),
    "`platforms` is not a mapping": top(platforms=[]),
    "unknown platform `plan9/amd64`": top(platforms={"plan9/amd64": {}}),
    "`artifacts` is not a list": part(artifacts={}),
    "the facts of `linux/amd64` is not a mapping": part(facts=None),
    "`linux/amd64` has an unknown key `time`": part(time=1),
    "the pin `dep` is not a text": part(pins={"dep": [1]}),
    "`` is no version": part(pins={"dep": []}),
    "the artifact `six` is of an unknown kind": artifact(kind="exe"),
    "`six` is of an unknown kind": artifact(kind=[]),
    "the artifact `six` has no valid sha256": artifact(sha256="AB" * 32),
    "the artifact `six` has no valid size": artifact(size=True),
    "`../six` is no package name": artifact(name="../six"),
    "`1.0\n` is no version": artifact(version="1.0 x"),
    "the artifact `six` has an unknown key `mtime`": artifact(mtime=0),
    "the artifact `six` has `requires` that are no list of texts": artifact(requires="dep"),
    "the artifact `six` has `extras` that are no list of texts": artifact(extras=["a\nb"]),
    "the artifact `six` has a file that is not a text": artifact(file=None),
    "holds a package twice": artifact(name="libc6", kind="deb"),
    "package name is not a text": artifact(name=1),
    "version is not a text": artifact(version=1),
    "source is not a text": artifact(source=None),
    "`six` has no valid size": artifact(size=1 << 50),
    "`six` has `requires` that are no list": artifact(requires=None),
    "`six` has `requires` that are no list of texts": artifact(requires=["a", 1]),
    "has a URL with credentials or without a host": artifact(
        source="", file="https://me:pw@host.example/x.whl"
    ),
}


def document_of(lists: str) -> dict[str, Any]:
    """The lock's JSON; without these lists, its artifacts are as nearly all are, and judged at once."""
    document: dict[str, Any] = json.loads(encode_lock(LOCK))
    for each in document["platforms"]["linux/amd64"]["artifacts"]:
        for key in lists.split():
            each.pop(key, None)
    return document


LISTS = pytest.mark.parametrize("lists", ["", "extras notes", "requires extras notes"])


@LISTS
@pytest.mark.parametrize(("message", "change"), BROKEN.items())
def test_broken(message: str, change: Callable[[dict[str, Any]], None], lists: str) -> None:
    document = document_of(lists)
    change(document)
    with pytest.raises(LockError) as caught:
        decode(json.dumps(document).encode())
    assert message.partition("\n")[0] in caught.value.message
    assert caught.value.message.startswith("`app/train.lock.json` is broken: ")
    assert caught.value.hint == "run `envbuild lock //app:train`"


@LISTS
@pytest.mark.parametrize(
    "file", ["", "/etc/passwd", "../x.whl", "a/../../x", "a//b", "./x", "a\\b", "a\nb", "a/"]
)
def test_paths_that_leave_their_source(file: str, lists: str) -> None:
    document = document_of(lists)
    artifact(file=file)(document)
    with pytest.raises(LockError, match=r"not below its source|not a text"):
        decode(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is no JSON"),
        (b"\xff", "it is no JSON"),
        (b"[]", "the lock is not a mapping"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"schema": 1, "schema": 1}', "it states a key twice"),
        (b'{"schema": NaN}', "it holds `NaN`"),
        (b'{\n<<<<<<< HEAD\n"schema": 1', "the conflict markers of a merge"),
    ],
)
def test_bytes_that_are_no_lock(data: bytes, message: str) -> None:
    with pytest.raises(LockError) as caught:
        decode(data)
    assert message in caught.value.message


SDIST = Locked("sdist", "app", "1.0", "pypi", "app-1.0.tar.gz", SHA, 13, ("six",))
BUILDS = {
    "app": Build("backend:hooks", ("tools",), ("six>=1",), (WHEEL,)),
    "plain": Build("backend", (), (), ()),
}
BUILT = Lock("environment", {"sdists": ["app"]}, {AMD64: PlatformLock((SDIST,), builds=BUILDS)})


def test_builds_are_as_they_were() -> None:
    assert decode(encode_lock(BUILT)) == BUILT
    assert b"builds" not in encode_lock(LOCK)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("backend", None, "the backend of the build of `app` is not a text"),
        ("backend", "a\x1b", "the backend of the build of `app` is not a text"),
        ("path", "tools", "the path of the build of `app` is not a list"),
        ("requires", [1], "the requirements of the build of `app` is not a text"),
        ("wheels", {}, "the wheels of the build of `app` is not a list"),
        ("more", 1, "the build of `app` has an unknown key `more`"),
    ],
)
def test_builds_that_are_none(key: str, value: object, said: str) -> None:
    document = json.loads(encode_lock(BUILT))
    document["platforms"]["linux/amd64"]["builds"]["app"][key] = value
    with pytest.raises(LockError) as caught:
        decode(json.dumps(document).encode())
    assert said in caught.value.message


@pytest.mark.parametrize("wheels", [(WHEEL, WHEEL), (SDIST,)])
def test_wheels_of_a_build_that_are_none(wheels: tuple[Locked, ...]) -> None:
    build = Build("backend", (), (), wheels)
    with pytest.raises(LockError, match="holds a package twice, or something else than wheels"):
        decode(encode_lock(Lock("x", {}, {AMD64: PlatformLock((SDIST,), builds={"app": build})})))
