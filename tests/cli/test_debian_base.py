"""Debian bases from a mirror whose release file is signed by a key made for the test."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.makers.debian import Deb, Mirror, Signer, entry, folder, link
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

BASE = Deb("base-files", "12", [folder("./etc/"), entry("./etc/debian_version", b"12")])
PYTHON = (
    BASE,
    Deb("libc6", "2.36-9", [folder("./lib/"), entry("./lib/libc.so.6", b"libc")]),
    Deb(
        "python3.11-minimal",
        "3.11.2-6",
        [folder("./usr/"), folder("./usr/bin/"), entry("./usr/bin/python3.11", b"python", 0o755)],
        fields={"Depends": "libc6 (>= 2.36)"},
    ),
    Deb(
        "tool", "1.0-1", [folder("./usr/"), link("./usr/tool", "bin/python3.11")], fields={"Depends": "libc6"}
    ),
)


@pytest.fixture
def mirror(tmp_path: Path, signer: Signer) -> Mirror:
    made = Mirror(tmp_path / "mirror", signer)
    made.publish("stable", PYTHON)
    return made


def base(*packages: str, suite: str = "stable") -> str:
    return f"- debian_base: {json.dumps({'name': 'python', 'suite': suite, 'packages': list(packages)})}\n"


def test_environment_on_a_base(debian: Project, index: FakeIndex) -> None:
    """The base's Python and C library are the target's: nobody states them."""
    for tag in ("cp311-cp311-manylinux_2_34_x86_64", "cp312-cp312-manylinux_2_34_x86_64"):
        index.add(make_package("native", tag=tag))
    targets = base("python3.11-minimal") + environment(base=":python", pip=["native"])
    debian.write({"BUILD.yaml": targets}).succeed("lock", ":app")
    (part,) = debian.lock("app")["platforms"].values()
    assert [each["file"] for each in part["artifacts"]] == [
        "native-1.0-cp311-cp311-manylinux_2_34_x86_64.whl"
    ]
    debian.succeed("build", "//...")
    assert len(debian.images()) == 2


@pytest.mark.parametrize(
    ("packages", "attributes", "text", "hint"),
    [
        (
            ["tool"],
            {},
            "its base `//:python` has no Python",
            "add a package such as `python3.11-minimal` to the base",
        ),
        (
            ["python3.11-minimal"],
            {"python": "3.12"},
            "it asks for Python 3.12, but its base `//:python` has 3.11.2",
            "change `python`, or the base",
        ),
        (
            ["python3.11-minimal"],
            {"libc": "musl 1.2"},
            "it states `musl 1.2`, but its base `//:python` has `glibc 2.36`",
            "leave `libc` out, or change the base",
        ),
    ],
)
def test_contradicting_the_base(
    debian: Project, packages: list[str], attributes: dict[str, str], text: str, hint: str
) -> None:
    stated = {"base": ":python", **attributes}
    debian.write({"BUILD.yaml": base(*packages) + environment("app", **stated)}).succeed("lock", ":python")
    expected = f"BUILD.yaml:2:3: error: `//:app`: {text}\nhint: {hint}\n"
    assert debian.fail(2, "lock", ":app") == expected


def test_unknown_package(debian: Project) -> None:
    debian.write({"BUILD.yaml": base("pyhton3.11-minimal")})
    error = debian.fail(2, "lock")
    assert "`pyhton3.11-minimal`" in error
    assert "did you mean `python3.11-minimal`?" in error


def test_unknown_suite(debian: Project) -> None:
    debian.write({"BUILD.yaml": base("tool", suite="unstabel")})
    error = debian.fail(4, "lock")
    assert "unstabel" in error
    assert "hint: " in error


# Mirrors drop superseded versions: what is locked may be gone, and the way on is said.
def test_superseded_package(debian: Project, mirror: Mirror) -> None:
    debian.write({"BUILD.yaml": base("tool")}).succeed("lock")
    (mirror.root / PYTHON[3].file).unlink()
    mirror.publish("stable", [*PYTHON[:3], Deb("tool", "1.0-2", fields={"Depends": "libc6"})])
    debian.succeed("clean", "--all", "-q")
    error = debian.fail(4, "build")
    assert error.startswith("error: `DebLayer tool 1.0-1` failed: ")
    assert "1.0-2" in error
    assert "envbuild lock" in error
    assert debian.images() == []
    assert "~ tool 1.0-1 -> 1.0-2" in debian.succeed("lock", "--upgrade-package", "tool").out
    debian.succeed("build")


# The bytes are those that the mirror's signed index states: it is the package that lies.
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry("./dev/sda", type=tarfile.BLKTYPE)], "`./dev/sda` is neither a file nor a folder nor a link"),
        ([entry("./../../etc/shadow", b"x")], "`../../etc/shadow` is not a path that a layer may hold"),
        ([link("./etc", "/root"), entry("./etc/\x1b[2J", b"x")], "`etc` is there twice"),
        ([entry("./\x1b[2J\n", b"x")], r"`\x1b[2J\n` is not a path that a layer may hold"),
    ],
)
def test_hostile_package(
    debian: Project, mirror: Mirror, entries: list[tuple[tarfile.TarInfo, bytes]], message: str
) -> None:
    mirror.publish("stable", [BASE, Deb("liar", entries=entries)])
    debian.write({"BUILD.yaml": base("liar")}).succeed("lock")
    for _ in ("first", "again"):  # a failure is no result that a cache keeps
        assert debian.fail(1, "build").startswith(f"error: `DebLayer liar 1.0-1` failed: {message}\n")
    assert debian.images() == []


def test_damaged_package(debian: Project, mirror: Mirror) -> None:
    debian.write({"BUILD.yaml": base("tool")}).succeed("lock")
    debian.succeed("clean", "--all", "-q")
    path = mirror.root / PYTHON[3].file
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    error = debian.fail(4, "build")
    assert "sha256" in error
    assert "is locked" in error
    assert debian.images() == []


def test_wrong_signature(debian: Project, mirror: Mirror) -> None:
    release = mirror.root / "dists" / "stable" / "InRelease"
    release.write_bytes(release.read_bytes().replace(b"Origin: Test", b"Origin: Evil"))
    debian.write({"BUILD.yaml": base("tool")})
    error = debian.fail(4, "lock")
    assert "signature" in error
