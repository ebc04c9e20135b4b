"""Debian packages that an environment adds to its base, from a mirror of the test's own."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import pytest

from tests.makers.base_images import ROOT, Upstream, make_layer
from tests.makers.certificates import PLAIN
from tests.makers.debian import Deb, Mirror, Signer, entry, folder, link
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

LIBC = Deb("libc6", "2.36-9", [folder("./lib/"), entry("./lib/libc.so.6", b"libc")])
PYTHON = Deb(
    "python3.11-minimal",
    "3.11.2-6",
    [folder("./usr/"), folder("./usr/bin/"), entry("./usr/bin/python3.11", b"python", 0o755)],
    fields={"Depends": "libc6 (>= 2.36)"},
)


def tool(name: str, depends: str = "", version: str = "1.0-1", **fields: str) -> Deb:
    """A package with a program of its own."""
    program = entry(f"./usr/bin/{name}", f"{name} {version}".encode(), 0o755)
    entries = [folder("./usr/"), folder("./usr/bin/"), program]
    return Deb(name, version, entries, fields={"Depends": depends or "libc6", **fields})


MAWK = Deb(
    "mawk",
    entries=[entry("./usr/bin/mawk", b"mawk")],
    fields={"Provides": "awk"},
    scripts={"postinst": "#!/bin/sh\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/mawk 5\n"},
)
GAWK = Deb(
    "gawk",
    entries=[entry("./usr/bin/gawk", b"gawk")],
    fields={"Provides": "awk"},
    scripts={"postinst": "#!/bin/sh\nupdate-alternatives --install /usr/bin/awk awk /usr/bin/gawk 10\n"},
)
PACKAGES = (
    Deb("base-files", "12", [folder("./etc/"), entry("./etc/debian_version", b"12")]),
    *(LIBC, PYTHON, MAWK, GAWK),
    tool("git", "libc6 (>= 2.34), libcurl, awk"),
    tool("libcurl"),
    tool("vim"),
    tool("rival", Conflicts="python3.11-minimal"),
    tool("fresh", "python3.11-minimal (>= 3.11.3)"),
    Deb("loud", entries=[entry("./usr/bin/loud")], scripts={"postinst": "#!/bin/sh\nadduser loud\n"}),
)


@pytest.fixture
def mirror(tmp_path: Path, signer: Signer) -> Mirror:
    made = Mirror(tmp_path / "mirror", signer)
    made.publish("stable", PACKAGES)
    return made


def base(*packages: str, **attributes: object) -> str:
    stated = {"name": "base", "suite": "stable", "packages": ["python3.11-minimal", *packages], **attributes}
    return f"- debian_base: {json.dumps(stated)}\n"


def app(*packages: str, **attributes: object) -> str:
    stated: dict[str, Any] = {"base": ":base", "apt": list(packages), **attributes}
    return environment(**stated)


def locked(project: Project, name: str = "app") -> dict[str, Any]:
    """What a lock has for its only platform."""
    (part,) = project.lock(name)["platforms"].values()
    assert isinstance(part, dict)
    return part


def names(project: Project, name: str = "app") -> list[str]:
    return [each["name"] for each in locked(project, name)["artifacts"]]


def layers(project: Project, *targets: str) -> list[Path]:
    """The blobs of an image's layers, from the bottom up."""
    report = project.succeed("build", *targets, "--output", "json").target
    blobs = project.cache / "blobs" / "sha256"
    manifest = json.loads((blobs / report["digest"].removeprefix("sha256:")).read_bytes())
    return [blobs / each["digest"].removeprefix("sha256:") for each in manifest["layers"]]


def files(layers: list[Path]) -> dict[str, str]:
    """What an image has in the end: contents or `-> target` by path."""
    found = {}
    for layer in layers:
        with tarfile.open(layer) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                found[member.name] = file.read().decode() if file else f"-> {member.linkname}"
    return found


def test_security_updates_are_a_suite_of_their_own(debian: Project, mirror: Mirror) -> None:
    fixed = tool("libcurl", version="1.0-1+deb12u1")
    headers = tool("libcurl-dev", "libcurl (= 1.0-1)")
    mirror.publish("stable", [*PACKAGES, headers])
    new_headers = tool("libcurl-dev", "libcurl (= 1.0-1+deb12u1)", version="1.0-1+deb12u1")
    mirror.publish("stable-security", [fixed, new_headers])
    both = "stable   stable-security"
    debian.write({"BUILD.yaml": base("libcurl", suite=both) + app("libcurl-dev")}).succeed("lock", "//...")
    versions = {each["name"]: each["version"] for each in locked(debian, "base")["artifacts"]}
    assert versions["libcurl"] == "1.0-1+deb12u1"
    assert [each["version"] for each in locked(debian)["artifacts"]] == ["1.0-1+deb12u1"]
    debian.succeed("build", ":app")
    debian.write({"BUILD.yaml": base("libcurl", suite=both) + app("libcurl-dev", apt_suite="stable")})
    said = debian.fail(2, "lock", ":app", "--upgrade")
    assert "`libcurl` 1.0-1 is needed, but the base has 1.0-1+deb12u1" in said
    assert "hint: the base is ahead of the suite: name all suites that it is from, as in `apt_suite: " in said
    # Blanks are no change.
    debian.write({"BUILD.yaml": base("libcurl", suite="stable stable-security") + app("libcurl-dev")})
    debian.succeed("lock", "--check", "//...")


def test_packages_on_a_debian_base(debian: Project, index: FakeIndex) -> None:
    index.add(make_package("numpy"))
    debian.write({"BUILD.yaml": base() + app("git", "loud", "libc6", pip=["numpy"])})
    said = debian.succeed("lock", ":app").out
    assert "+ git 1.0-1" in said
    assert "note: postinst of loud was not run: adduser" in said
    assert "note: the base has `libc6` 2.36-9 already" in said
    # `awk` is a choice: nobody asked for another than the first.
    assert names(debian) == ["gawk", "git", "libcurl", "loud", "numpy"]
    assert locked(debian)["installed"] == {"libc6": "2.36-9"}
    debian.succeed("lock", "--check")
    found = files(layers(debian, ":app"))
    assert found["usr/bin/git"] == "git 1.0-1"
    assert found["etc/alternatives/awk"] == "-> /usr/bin/gawk"
    assert found["var/lib/dpkg/status.d/git"].startswith("Package: git\n")
    assert [path for path in found if path.startswith("opt/env/lib/python3.11/site-packages/numpy-1.0.")]


# What the scripts do is done once for all packages: the base's part of it stays as the base has it.
def test_only_what_the_packages_change_is_made_again(debian: Project) -> None:
    debian.write({"BUILD.yaml": base("mawk") + app("gawk")}).succeed("lock")
    below = layers(debian, ":base")
    above = [layer for layer in layers(debian, ":app") if layer not in below]
    assert files(below)["etc/alternatives/awk"] == "-> /usr/bin/mawk"
    added = files(above)
    assert added["etc/alternatives/awk"] == "-> /usr/bin/gawk"
    assert {"etc/passwd", "var/lib/dpkg/status.d/mawk"}.isdisjoint(added)


def test_a_package_more_is_a_layer_more(debian: Project) -> None:
    debian.write({"BUILD.yaml": base() + app("git", "vim")}).succeed("lock")
    before = layers(debian, ":app")
    changed = debian.succeed("lock").out
    assert "is locked already" in changed
    debian.write({"BUILD.yaml": base() + app("git", "vim", "loud")})
    said = debian.succeed("lock", ":app").out
    assert [line for line in said.splitlines() if line.startswith("  ")][:1] == [
        "  because `loud` is now required"
    ]
    assert not [line for line in said.splitlines() if line.startswith(("  ~", "  -"))]
    new = [layer for layer in layers(debian, ":app") if layer not in before]
    held = [set(files([layer])) & {"usr/bin/loud", "var/lib/dpkg/status.d/loud"} for layer in new]
    # Its bucket, and what the packages' scripts would have written.
    assert sorted(map(sorted, held)) == [["usr/bin/loud"], ["var/lib/dpkg/status.d/loud"]]


def test_an_environment_adds_to_what_its_base_added(debian: Project) -> None:
    targets = base() + app("libcurl", name="below") + app("git", base=":below")
    debian.write({"BUILD.yaml": targets}).succeed("lock")
    assert names(debian) == ["gawk", "git"]
    assert locked(debian)["installed"] == {"libc6": "2.36-9", "libcurl": "1.0-1"}
    assert {"usr/bin/git", "usr/bin/libcurl"} <= files(layers(debian, ":app")).keys()
    # A change of what the child does not rely on is none of its business.
    debian.write(
        {"BUILD.yaml": base("vim") + app("libcurl", "loud", name="below") + app("git", base=":below")}
    )
    debian.succeed("lock", ":below")
    debian.succeed("lock", "--check")
    debian.write({"BUILD.yaml": base() + app("git", name="below") + app("git", base=":below")})
    debian.succeed("lock", ":below")
    error = debian.fail(3, "lock", "--check")
    assert "the lock of `//:app` is stale:\n" in error
    assert "\n  the Debian package `git` is in the base now\n" in error
    debian.succeed("lock")
    assert names(debian) == []


def test_what_makes_a_lock_stale(debian: Project, mirror: Mirror) -> None:
    debian.write({"BUILD.yaml": base() + app("git")}).succeed("lock")
    mirror.publish("next", PACKAGES)
    for attributes, reason in (
        ({"apt": ["git", "vim"]}, "`vim` is now required"),
        ({"apt": []}, "it answers more than the target asks"),
        ({"apt_suite": "next"}, "`suite` is `next` now, and was `stable`"),
        ({"apt_source": "other"}, "`source` is `other` now, and was `debian`"),
        ({"apt_components": ["main", "contrib"]}, "`components` is `contrib`, `main` now, and was `main`"),
    ):
        debian.write({"BUILD.yaml": base() + app(**{"apt": ["git"], **attributes})})
        assert reason in debian.fail(3, "lock", "--check")
        assert "envbuild lock" in debian.fail(3, "build")
    mirror.publish("stable", [*PACKAGES, tool("libc6", version="2.36-10")])
    debian.write({"BUILD.yaml": base() + app("git")}).succeed("lock", ":base", "--upgrade")
    error = debian.fail(3, "lock", "--check")
    assert "the base has the Debian package `libc6` 2.36-10 now, and had 2.36-9" in error
    assert "~" not in debian.succeed("lock", ":app").out


# Locking again moves only what is forced, whatever else the mirror has meanwhile.
def test_locking_again_moves_what_is_forced(debian: Project, mirror: Mirror) -> None:
    debian.write({"BUILD.yaml": base() + app("git", "vim")}).succeed("lock")
    moved = [*PACKAGES, tool("git", "libc6, libcurl, awk", "2.0-1"), tool("vim", version="2.0-1")]
    mirror.publish("stable", moved)
    debian.write({"BUILD.yaml": base() + app("git", "vim", "loud")})
    assert "~" not in debian.succeed("lock").out
    debian.write({"BUILD.yaml": base() + app("git", "vim=2.0-1", "loud")})
    assert "~ vim 1.0-1 -> 2.0-1" in debian.succeed("lock").out
    assert "~ git 1.0-1 -> 2.0-1" in debian.succeed("lock", "--upgrade-package", "git").out


@pytest.mark.parametrize(
    ("packages", "code", "text"),
    [
        (["gitt"], 2, "there is no package `gitt` for amd64 in `stable` (main)\nhint: did you mean `git`?"),
        (["rival"], 2, "`rival` and `python3.11-minimal` exclude each other: python3.11-minimal"),
        (["libc6=2.0-1"], 2, "there is no version `2.0-1` of `libc6` in `stable`"),
        (["fresh"], 2, "no package satisfies `python3.11-minimal (>= 3.11.3)`"),
        (["Git!"], 2, "`Git!` names no Debian package"),
    ],
)
def test_what_cannot_be_added(debian: Project, packages: list[str], code: int, text: str) -> None:
    debian.write({"BUILD.yaml": base() + app(*packages)}).succeed("lock", ":base")
    assert text in debian.fail(code, "lock", ":app")


def test_a_version_that_the_base_has_not(debian: Project, mirror: Mirror) -> None:
    debian.write({"BUILD.yaml": base() + app("fresh")}).succeed("lock", ":base")
    newer = Deb("python3.11-minimal", "3.11.3-1", PYTHON.entries, fields=PYTHON.fields)
    mirror.publish("stable", [each for each in PACKAGES if each != PYTHON] + [newer])
    error = debian.fail(2, "lock", ":app")
    assert "`python3.11-minimal` 3.11.3-1 is needed, but the base has 3.11.2-6" in error
    assert "`fresh` 1.0-1 is wanted by the target" in error
    debian.succeed("lock", ":base", "--upgrade")
    debian.succeed("lock", ":app")


def test_on_nothing(debian: Project) -> None:
    debian.write({"BUILD.yaml": environment(apt=["git"])})
    error = debian.fail(2, "lock")
    assert "`//:app`: its base `scratch` has no Debian packages, and `apt` adds to those" in error
    assert "hint: stand it on a `debian_base`" in error


# Programs alone need no Python; who asks for Python packages still needs one.
def test_a_base_without_python(debian: Project) -> None:
    bare = f"- debian_base: {json.dumps({'name': 'base', 'suite': 'stable', 'packages': ['mawk']})}\n"
    debian.write({"BUILD.yaml": bare + app("git"), "run.sh": "git"}).succeed("lock")
    assert names(debian) == ["git", "libc6", "libcurl"]
    found = files(layers(debian, ":app"))
    assert "usr/bin/git" in found
    assert not [path for path in found if path.startswith("opt/")]
    debian.write({"BUILD.yaml": bare + app("git", pip=["numpy"])})
    assert "its base `//:base` has no Python" in debian.fail(2, "lock", ":app")


DPKG = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n"
IMAGE = {
    **ROOT,
    "usr/lib/os-release": 'ID=debian\nVERSION_CODENAME="stable"\n',
    "var/lib/dpkg/status": "\n".join(
        DPKG.format(*each) for each in (("libc6", "2.36-9"), ("mawk", "1.0-1"), ("ca-certificates", "1"))
    ),
    "var/lib/dpkg/alternatives/awk": "auto\n/usr/bin/awk\n\n/usr/bin/mawk\n5\n\n",
    "var/lib/dpkg/alternatives/vi": "manual\n/usr/bin/vi\n\n/usr/bin/nano\n5\n\n",
}
VI = Deb(
    "vi-tiny",
    entries=[entry("./bin/vi-tiny", b"vi"), entry("./usr/share/ca-certificates/x.crt", PLAIN)],
    scripts={"postinst": "#!/bin/sh\nupdate-alternatives --install /usr/bin/vi vi /usr/bin/vi-tiny 99\n"},
)


@pytest.mark.services
@pytest.mark.parametrize("merged", [True, False])
def test_packages_on_an_image_of_a_registry(
    debian: Project, mirror: Mirror, registry: str, merged: bool
) -> None:
    mirror.publish("stable", [*PACKAGES, VI])
    upstream = Upstream(registry, f"base{uuid4().hex}/python")
    links = [link("bin", "usr/bin"), link("etc/os-release", "../usr/lib/os-release")][0 if merged else 1 :]
    upstream.push(make_layer(IMAGE, folder("usr"), folder("usr/bin"), *links), tag="1")
    image = f"- base_image: {json.dumps({'name': 'base', 'image': upstream.reference()})}\n"
    debian.write({"BUILD.yaml": image + app("git", "gawk", "vi-tiny")}).succeed("lock")
    assert names(debian) == ["gawk", "git", "libcurl", "vi-tiny"]
    assert locked(debian)["installed"] == {"libc6": "2.36-9", "mawk": "1.0-1"}
    debian.succeed("lock", "--check")
    found = files(layers(debian, ":app")[1:])
    assert found["usr/bin/git"] == "git 1.0-1"
    # The better one takes over; what somebody chose stays, and so do accounts and certificates.
    assert found["etc/alternatives/awk"] == "-> /usr/bin/gawk"
    assert "etc/alternatives/vi" not in found
    assert not [path for path in found if path.startswith(("etc/passwd", "etc/ssl", "etc/group"))]
    # Where /bin is no link, what a package has there stays there.
    assert ("usr/bin/vi-tiny" if merged else "bin/vi-tiny") in found


SOURCES = """\
Types: deb
URIs: http://deb.example.org/debian
Suites: stable stable-security stable-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
VENDOR = "etc/apt/sources.list.d/vendor.list"
PINS = "etc/apt/preferences.d/no-vim"
# Of an image with security updates: what an image has is in no suite but that of these.
PATCHED = {
    **IMAGE,
    "var/lib/dpkg/status": "\n".join(
        DPKG.format(*each) for each in (("libc6", "2.36-9"), ("libcurl", "1.0-1+deb12u1"))
    ),
    "etc/apt/sources.list.d/debian.sources": SOURCES,
    VENDOR: "deb [signed-by=/etc/apt/vendor.gpg] https://user:secret@vendor.example.org stable main\n",
    PINS: "Package: vim\nPin: release *\nPin-Priority: -1\n",
}


@pytest.fixture
def patched(debian: Project, mirror: Mirror, registry: str) -> str:
    """The target of such an image; the mirror has its suites."""
    fixed = tool("libcurl", version="1.0-1+deb12u1")
    headers = tool("libcurl-dev", "libcurl (= 1.0-1+deb12u1)", version="1.0-1+deb12u1")
    mirror.publish("stable", [*PACKAGES, tool("libcurl-dev", "libcurl (= 1.0-1)")])
    mirror.publish("stable-security", [fixed, headers])
    upstream = Upstream(registry, f"base{uuid4().hex}/python")
    upstream.push(make_layer(PATCHED), tag="1")
    return f"- base_image: {json.dumps({'name': 'base', 'image': upstream.reference()})}\n"


@pytest.mark.services
def test_an_image_s_own_suites_are_taken(debian: Project, mirror: Mirror, patched: str) -> None:
    said = debian.write({"BUILD.yaml": patched + app("libcurl-dev")}).succeed("lock").out
    assert [each["version"] for each in locked(debian)["artifacts"]] == ["1.0-1+deb12u1"]
    assert debian.lock("app")["inputs"]["suite"] == "stable stable-security"
    assert f"note: of the base's `/{VENDOR}`, what is not its distribution's is left out" in said
    assert f"note: the base's preferences in `/{PINS}` are left out" in said
    before = debian.contents()
    assert b"example.org" not in before["base.lock.json"] + before["app.lock.json"]
    debian.succeed("build", ":app")
    # What a mirror has no longer is no reason to move; to move without it, it must be said so.
    rmtree(mirror.root / "dists/stable-security")
    assert "is locked already" in debian.succeed("lock").out
    debian.succeed("lock", "--check")
    error = debian.fail(4, "lock", ":app", "--upgrade")
    assert "cannot fetch `stable-security` from `debian`: " in error
    assert (
        "its base takes packages from `stable stable-security`: to take fewer, state `apt_suite: stable`"
        in error
    )
    assert debian.contents() == before
    debian.write({"BUILD.yaml": patched + app("vim", apt_suite="stable")})
    assert "left out" not in debian.succeed("lock", ":app").out
    assert debian.lock("app")["inputs"]["suite"] == "stable"


@pytest.mark.services
def test_images_of_one_base_with_different_suites(debian: Project, registry: str) -> None:
    upstream = Upstream(registry, f"base{uuid4().hex}/python")
    lean = {path: text for path, text in PATCHED.items() if not path.startswith("etc/apt/sources")}
    arm = DPKG.format("libc6", "2.36-9").replace("amd64", "arm64")
    upstream.push_index(
        upstream.push(make_layer(PATCHED)),
        upstream.push(make_layer({**lean, "var/lib/dpkg/status": arm}), architecture="arm64"),
        tag="1",
    )
    platforms = {"platforms": ["linux/amd64", "linux/arm64"]}
    stated = {"name": "base", "image": upstream.reference(), **platforms}
    image = f"- base_image: {json.dumps(stated)}\n"
    debian.write({"BUILD.yaml": image + app("vim", **platforms)}).succeed("lock", ":base")
    error = debian.fail(2, "lock", ":app")
    assert (
        "from `stable stable-security` (main) for `linux/amd64`, `stable` (main) for `linux/arm64`" in error
    )
    assert "state `apt_suite` and `apt_components`" in error
    debian.write({"BUILD.yaml": image + app("libc6", apt_suite="stable", **platforms)})
    # Both are asked for alike; the mirror is for one of them alone.
    assert "the suite has no packages for arm64 in `main`" in debian.fail(4, "lock", ":app")


@pytest.mark.services
def test_a_package_of_an_archive_that_is_left_out(debian: Project, patched: str) -> None:
    debian.write({"BUILD.yaml": patched + app("proprietary")}).succeed("lock", ":base")
    error = debian.fail(2, "lock", ":app")
    assert "there is no package `proprietary` for amd64 in `stable stable-security` (main)" in error
    assert f"hint: what others than the distribution offer is left out: see `/{VENDOR}` of the base" in error


# Locks of before that: nothing moves, and nothing is stale, until an upgrade reads the image again.
@pytest.mark.services
def test_locks_that_tell_nothing_of_an_image_s_apt(debian: Project, patched: str) -> None:
    debian.write({"BUILD.yaml": patched + app("vim")}).succeed("lock", ":base")
    text, document = debian.contents()["base.lock.json"], debian.lock("base")
    (image,) = document["platforms"]["linux/amd64"]["images"].values()
    for fact in ("suites", "components", "left_out"):
        del image["facts"][fact]
    former = json.dumps(document).encode()
    debian.write({"base.lock.json": former}).succeed("lock")
    assert debian.lock("app")["inputs"]["suite"] == "stable"
    before = debian.contents()
    assert before["base.lock.json"] == former
    debian.succeed("lock", "--check")
    debian.succeed("lock")
    assert debian.contents() == before
    debian.succeed("lock", "--upgrade")
    assert debian.contents()["base.lock.json"] == text
    assert debian.lock("app")["inputs"]["suite"] == "stable stable-security"


@pytest.mark.services
def test_an_image_that_tells_no_suite(debian: Project, registry: str) -> None:
    upstream = Upstream(registry, f"base{uuid4().hex}/python")
    upstream.push(make_layer(), tag="1")
    image = f"- base_image: {json.dumps({'name': 'base', 'image': upstream.reference()})}\n"
    debian.write({"BUILD.yaml": image + app("git")}).succeed("lock", ":base")
    error = debian.fail(2, "lock", ":app")
    assert "its base `//:base` does not tell which suite its packages are from" in error
    assert "hint: state it: `apt_suite: bookworm`" in error
    debian.write({"BUILD.yaml": image + app("git", apt_suite="stable")}).succeed("lock", ":app")


@pytest.mark.services
def test_an_image_that_is_not_debian(debian: Project, registry: str) -> None:
    upstream = Upstream(registry, f"base{uuid4().hex}/python")
    upstream.push(make_layer({key: data for key, data in ROOT.items() if "dpkg" not in key}), tag="1")
    image = f"- base_image: {json.dumps({'name': 'base', 'image': upstream.reference()})}\n"
    debian.write({"BUILD.yaml": image + app("git")}).succeed("lock", ":base")
    assert "its base `//:base` has no Debian packages" in debian.fail(2, "lock", ":app")
