"""Resolution on small indexes; what scripts would do is read from packages in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from envbuild.core.errors import ResolveError
from envbuild.core.platform import Platform
from envbuild.lock.model import DebianQuestion, Locked, PlatformLock
from envbuild.lock.resolve.debian import resolve_debian
from envbuild.sources.debian_index import DebianIndex, parse_packages
from tests.makers.debian import Deb

BASE = Deb("base-files", "12.4", fields={"Pre-Depends": "awk"})
MAWK = Deb("mawk", fields={"Provides": "awk", "Priority": "required"})
GAWK = Deb("gawk", fields={"Provides": "awk", "Priority": "optional"})
QUESTION = DebianQuestion("debian", "bookworm", ("main",), (), essential=False, platform=Platform())


@dataclass
class Shelf:
    """Packages in a folder, their index, and the names of those that were fetched."""

    folder: Path
    debs: Sequence[Deb]
    fetched: list[str] = field(default_factory=list)

    def index(self) -> DebianIndex:
        return DebianIndex(parse_packages("\n".join(map(self._describe, (BASE, MAWK, GAWK, *self.debs)))))

    def fetch(self, locked: Locked) -> Path:
        self.fetched.append(locked.name)
        return self.folder / locked.sha256

    def resolve(self, *packages: str, **changes: object) -> PlatformLock:
        question = replace(QUESTION, packages=packages, **changes)  # type: ignore[arg-type]
        return resolve_debian(question, self.index(), self.fetch)

    def names(self, *packages: str) -> list[str]:
        """What is locked beyond what every base has."""
        locked = self.resolve(*packages).artifacts
        return [each.name for each in locked if each.name not in ("base-files", "mawk")]

    def _describe(self, deb: Deb) -> str:
        data = deb.build()
        digits = hashlib.sha256(data).hexdigest()
        (self.folder / digits).write_bytes(data)
        return f"{deb.stanza}Filename: {deb.file}\nSize: {len(data)}\nSHA256: {digits}\n"


def shelf(folder: Path, *debs: Deb) -> Shelf:
    return Shelf(folder, debs)


def deb(name: str, depends: str = "", version: str = "1.0-1", **fields: str) -> Deb:
    return Deb(name, version, fields={"Depends": depends, **fields})


def test_lock(tmp_path: Path) -> None:
    tool = replace(
        deb("tool", "libtool (>= 1.0~) | none, awk"), scripts={"postinst": "#!/bin/sh\nldconfig\n"}
    )
    lock = shelf(tmp_path, tool, deb("libtool"), deb("other")).resolve("tool")
    assert [each.name for each in lock.artifacts] == ["base-files", "libtool", "mawk", "tool"]
    locked = lock.artifacts[-1]
    data = tool.build()
    assert locked == Locked(
        kind="deb",
        name="tool",
        version="1.0-1",
        source="debian",
        file="pool/main/t/tool/tool_1.0-1_amd64.deb",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        requires=("libtool", "mawk"),
        notes=("postinst of tool was not run: ldconfig",),
    )
    assert lock.facts == {}


def test_facts(tmp_path: Path) -> None:
    debs = [deb("libc6", "", "2.36-9+deb12u10"), deb("python3.9-minimal", "", "3.9.2-1")]
    lock = shelf(tmp_path, *debs, deb("python3.11-minimal", "", "3.11.2-6+deb12u5")).resolve(
        "libc6", "python3.9-minimal", "python3.11-minimal"
    )
    assert lock.facts == {"libc": "glibc 2.36", "python": "3.11.2", "interpreter": "/usr/bin/python3.11"}


def test_a_choice_prefers_what_is_there_anyway(tmp_path: Path) -> None:
    debs = [deb("a", "x | y"), deb("b", "y"), deb("x"), deb("y")]
    assert shelf(tmp_path, *debs).names("a") == ["a", "x"]
    # Whatever the order in which both are met.
    assert shelf(tmp_path, *debs).names("a", "b") == ["a", "b", "y"]


def test_a_choice_prefers_real_packages_then_priority_then_name(tmp_path: Path) -> None:
    debs = [
        deb("a", "v"),
        deb("p2", Provides="v", Priority="optional"),
        deb("p1", Provides="v", Priority="optional"),
        deb("p3", Provides="v", Priority="extra"),
    ]
    assert shelf(tmp_path, *debs).names("a") == ["a", "p1"]
    assert shelf(tmp_path, *debs, deb("v")).names("a") == ["a", "v"]


def test_asking_for_another_provider(tmp_path: Path) -> None:
    assert [each.name for each in shelf(tmp_path).resolve("gawk").artifacts] == ["base-files", "gawk"]
    assert [each.name for each in shelf(tmp_path).resolve("awk").artifacts] == ["base-files", "mawk"]


def test_versioned_provides(tmp_path: Path) -> None:
    debs = [
        deb("a", "v (>= 2)"),
        deb("p1", Provides="v"),
        deb("p2", Provides="v (= 1)"),
        deb("p3", Provides="v (= 2)"),
    ]
    assert shelf(tmp_path, *debs).names("a") == ["a", "p3"]


def test_cycles(tmp_path: Path) -> None:
    assert shelf(tmp_path, deb("a", "b"), deb("b", "a")).names("a") == ["a", "b"]


def test_stated_version(tmp_path: Path) -> None:
    debs = [deb("a", "", "1.0"), deb("a", "", "2.0")]
    assert [each.version for each in shelf(tmp_path, *debs).resolve("a").artifacts if each.name == "a"] == [
        "2.0"
    ]
    assert [
        each.version for each in shelf(tmp_path, *debs).resolve("a=1.0").artifacts if each.name == "a"
    ] == ["1.0"]


def test_essential(tmp_path: Path) -> None:
    names = ["base-passwd", "bash", "coreutils", "dash", "debianutils", "findutils"]
    names += ["grep", "gzip", "libc-bin", "sed", "tar"]
    lock = shelf(tmp_path, *map(deb, names)).resolve(essential=True)
    assert [each.name for each in lock.artifacts] == sorted([*names, "base-files", "mawk"])


def kept(lock: PlatformLock) -> dict[str, Locked]:
    return {each.name: each for each in lock.artifacts}


def test_locked_versions_stay_while_the_index_has_them(tmp_path: Path) -> None:
    old, new = deb("a", "", "1.0"), deb("a", "", "2.0")
    before = kept(shelf(tmp_path, old).resolve("a"))
    both = shelf(tmp_path, old, new)
    assert kept(both.resolve("a", preferences=before))["a"].version == "1.0"
    assert both.fetched == []  # equal bytes have equal notes
    assert kept(both.resolve("a", preferences=before, upgrade=frozenset({"a"})))["a"].version == "2.0"
    assert kept(both.resolve("a", preferences=before, upgrade=None))["a"].version == "2.0"
    # Superseded on the mirror, or replaced there under the same version.
    assert kept(shelf(tmp_path, new).resolve("a", preferences=before))["a"].version == "2.0"
    other = replace(old, fields={"Depends": "", "Maintainer": "somebody else"})
    after = kept(shelf(tmp_path, other).resolve("a", preferences=before))["a"]
    assert after.sha256 != before["a"].sha256


def test_a_locked_version_does_not_stand_in_the_way(tmp_path: Path) -> None:
    old, new = deb("lib", "", "1.0"), deb("lib", "", "2.0")
    before = kept(shelf(tmp_path, old, deb("a", "lib")).resolve("a"))
    lock = shelf(tmp_path, old, new, deb("a", "lib"), deb("b", "lib (>= 2)")).resolve(
        "a", "b", preferences=before
    )
    assert kept(lock)["lib"].version == "2.0"


def refusal(caught: pytest.ExceptionInfo[ResolveError]) -> str:
    return str(caught.value)


def test_unknown_package(tmp_path: Path) -> None:
    with pytest.raises(ResolveError) as caught:
        shelf(tmp_path, deb("python3.11"), deb("zlib1g")).resolve("pyhton3.11")
    assert caught.value.message == "there is no package `pyhton3.11` for amd64 in `bookworm` (main)"
    assert caught.value.hint == "did you mean `python3.11`?"


@pytest.mark.parametrize("text", ["", "a b", "a>=1", "A", "a=", "../a", "a=1 2"])
def test_malformed_request(tmp_path: Path, text: str) -> None:
    with pytest.raises(ResolveError, match="names no Debian package"):
        shelf(tmp_path, deb("a")).resolve(text)


def test_version_that_the_suite_has_not(tmp_path: Path) -> None:
    with pytest.raises(ResolveError) as caught:
        shelf(tmp_path, deb("a")).resolve("a=0.9")
    assert "`1.0-1`" in caught.value.hint
    assert "snapshot" in caught.value.hint


def test_unsatisfiable(tmp_path: Path) -> None:
    with pytest.raises(ResolveError) as caught:
        shelf(tmp_path, deb("a", "b"), deb("b", "c (>= 2) | d"), deb("c")).resolve("a")
    assert caught.value.message.splitlines()[0] == "no package satisfies `c (>= 2) | d`"
    assert caught.value.causes == ("`b` 1.0-1 is wanted by `a`", "`a` 1.0-1 is wanted by the target")


def test_two_versions_of_one_package(tmp_path: Path) -> None:
    debs = [deb("a", "c (<< 2)"), deb("b", "c (>= 2)"), deb("c", "", "1.0"), deb("c", "", "2.0")]
    with pytest.raises(ResolveError, match=r"in the versions 1\.0 and 2\.0") as caught:
        shelf(tmp_path, *debs).resolve("a", "b")
    assert "`c` 1.0 is wanted by `a`" in refusal(caught)
    assert "`b` 1.0-1 is wanted by the target" in refusal(caught)


@pytest.mark.parametrize("field", ["Conflicts", "Breaks"])
def test_packages_that_exclude_each_other(tmp_path: Path, field: str) -> None:
    debs = [deb("a", "b"), deb("b"), deb("c", **{field: "b (<< 2)"})]
    assert shelf(tmp_path, *debs).names("c") == ["c"]
    with pytest.raises(ResolveError, match="`c` and `b` exclude each other: b"):
        shelf(tmp_path, *debs).resolve("a", "c")


def test_a_package_may_conflict_with_what_it_provides(tmp_path: Path) -> None:
    one, other = (deb(name, Provides="mta", Conflicts="mta") for name in ("exim", "postfix"))
    assert shelf(tmp_path, one, other).names("exim") == ["exim"]
    with pytest.raises(ResolveError, match="exclude each other"):
        shelf(tmp_path, one, other).resolve("exim", "postfix")


# What a base has is there anyway: it is neither locked again nor moved, and what it depends on is its own.
def test_what_the_base_has_is_not_locked(tmp_path: Path) -> None:
    here = shelf(tmp_path, deb("tool", "libc6 (>= 2.30), libtool"), deb("libtool", "libc6"), deb("libc6"))
    lock = here.resolve("tool", installed={"libc6": "2.36-9", "old": "1", "mawk": "1.0-1"})
    assert [(each.name, each.requires) for each in lock.artifacts] == [
        ("libtool", ("libc6",)),
        ("tool", ("libc6", "libtool")),
    ]
    # Only what is relied on is recorded, so that a change of all else makes no lock stale.
    assert lock.installed == {"libc6": "2.36-9"}


def test_what_the_base_has_already(tmp_path: Path) -> None:
    here = shelf(tmp_path, deb("libc6", version="2.40-1"))
    for request in ("libc6", "libc6=2.36-9"):
        lock = here.resolve(request, installed={"libc6": "2.36-9"})
        assert (lock.artifacts, lock.installed) == ((), {"libc6": "2.36-9"})


# Of a base's package only name and version are known: what it provides is the index's word.
def test_a_choice_prefers_what_the_base_provides(tmp_path: Path) -> None:
    versioned = deb("mawk-2", version="2-1", Provides="libawk (= 2-1)")
    here = shelf(tmp_path, versioned, deb("tool", "gawk | awk, libawk (= 1-1)"))
    lock = here.resolve("tool", installed={"mawk": "0.1", "mawk-2": "1-1"})
    assert [each.name for each in lock.artifacts] == ["tool"]
    assert lock.installed == {"mawk": "0.1", "mawk-2": "1-1"}


def test_a_version_that_the_base_has_not(tmp_path: Path) -> None:
    here = shelf(tmp_path, deb("tool", "lib (= 2-1)"), deb("lib", version="2-1"))
    for request, causes in (("tool", "\n  `tool` 1.0-1 is wanted by the target"), ("lib=2-1", "")):
        with pytest.raises(ResolveError) as caught:
            here.resolve(request, installed={"lib": "1-1"})
        assert caught.value.message == f"`lib` 2-1 is needed, but the base has 1-1{causes}"
        assert "--upgrade" in caught.value.hint
        # Security updates are in images before they are in the suite.
        with pytest.raises(ResolveError) as caught:
            here.resolve(request, installed={"lib": "2-2"})
        assert "the base is ahead of the suite" in caught.value.hint


# An image is often behind security updates: what is of its own age fits it, as the suites still have that.
def test_an_older_version_fits_a_base_that_is_behind(tmp_path: Path) -> None:
    old, new = (
        [
            deb("app", f"lib-dev (= {version})", version),
            deb("lib-dev", f"lib (= {version}), tool", version),
            deb("lib", version=version),
        ]
        for version in ("1-1", "1-2")
    )
    here = shelf(tmp_path, *old, *new, deb("tool", version="1-1"), deb("tool", version="1-2"))
    behind = here.resolve("app", installed={"lib": "1-1"})
    assert [(each.name, each.version) for each in behind.artifacts] == [
        ("app", "1-1"),
        ("lib-dev", "1-1"),
        ("tool", "1-2"),
    ]
    ahead = here.resolve("app", installed={"lib": "1-2"})
    assert {each.version for each in ahead.artifacts} == {"1-2"}
    # Of an age that no suite has any more, nothing fits: the newest is told of.
    with pytest.raises(ResolveError) as caught:
        here.resolve("app", installed={"lib": "1-0"})
    assert caught.value.message.startswith("`lib` 1-2 is needed, but the base has 1-0\n")
    with pytest.raises(ResolveError, match="`lib` 1-2 is needed, but the base has 1-1"):
        here.resolve("app=1-2", installed={"lib": "1-1"})


def test_older_versions_go_together(tmp_path: Path) -> None:
    old, new = (
        [
            deb("tool", f"lib (>= {version})", version),
            deb("tool-dev", f"tool (= {version}), base (= {version})", version),
            deb("base", version=version),
            deb("lib", version=version, Breaks=f"base (<< {version})"),
        ]
        for version in ("1-1", "1-2")
    )
    lock = shelf(tmp_path, *old, *new).resolve("tool", "tool-dev", installed={"base": "1-1"})
    assert {each.name: each.version for each in lock.artifacts} == {
        "lib": "1-1",
        "tool": "1-1",
        "tool-dev": "1-1",
    }


# Where another way is left that fits.
def test_an_alternative_that_fits_the_base(tmp_path: Path) -> None:
    debs = [
        deb("app", "one | two"),
        deb("one", "base (>= 2)"),
        deb("two", "base"),
        deb("base", version="2-1"),
    ]
    lock = shelf(tmp_path, *debs).resolve("app", installed={"base": "1-1"})
    assert [each.name for each in lock.artifacts] == ["app", "two"]


@pytest.mark.parametrize("ours", [True, False])
def test_what_excludes_a_package_of_the_base(tmp_path: Path, ours: bool) -> None:
    first, second = ("new", "old") if ours else ("old", "new")
    debs = [deb(first, Conflicts=second), deb(second)]
    with pytest.raises(ResolveError, match=f"`{first}` and `{second}` exclude each other") as caught:
        shelf(tmp_path, *debs).resolve("new", installed={"old": "1.0-1"})
    assert "`old` 1.0-1 is in the base" in caught.value.message


# A base is what it is: only what is added to it is judged.
def test_what_excludes_itself_in_the_base_is_not_ours(tmp_path: Path) -> None:
    here = shelf(tmp_path, deb("one", Conflicts="two"), deb("two"), deb("new"))
    lock = here.resolve("new", installed={"one": "1.0-1", "two": "1.0-1"})
    assert [each.name for each in lock.artifacts] == ["new"]
