"""Explicit files: which packages, in which order."""

from __future__ import annotations

from envbuild.core.platform import Facts, Platform
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.export.explicit import write_explicit
from envbuild.lock.export.packages import Environment
from envbuild.lock.model import CondaRecord, Locked

URL = "https://conda.example/c/linux-64"


def make(name: str, *requires: str) -> Locked:
    file = f"linux-64/{name}-1-0.conda"
    return Locked(CONDA, name, "1", "c", file, name.ljust(64, "0"), 1, requires, conda=CondaRecord("0"))


def names(*packages: Locked) -> list[str]:
    """The packages in the order written."""
    environment = Environment(Facts(Platform("linux", "arm64")), (), packages)
    places = {each.sha256: f"{URL}/{each.name}" for each in packages}
    head, platform, mark, *urls = write_explicit("//:app", environment, places).splitlines()
    assert head == "# //:app for linux/arm64: written by `envbuild export`"
    assert (platform, mark) == ("# platform: linux-aarch64", "@EXPLICIT")
    assert urls == [
        f"{places[each]}#sha256:{each}" for each in (url.partition("#sha256:")[2] for url in urls)
    ]
    return [url.partition("#")[0].rpartition("/")[2] for url in urls]


def test_what_others_need_stands_first() -> None:
    packages = (make("a", "c >=1", "__glibc >=2.17"), make("b"), make("c", "d"), make("d", "b 1 0"))
    assert names(*packages) == ["b", "d", "c", "a"]


# As python and pip once did: no order would do, and none may be missing.
def test_packages_that_need_each_other() -> None:
    assert names(make("a", "b", "a"), make("b", "a"), make("c", "b")) == ["a", "b", "c"]
