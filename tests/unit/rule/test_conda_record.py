"""What records are told comes from the lock and the spec alone."""

from __future__ import annotations

from envbuild.lock.model import CondaRecord, Locked
from envbuild.rule.conda_record import describe_package

FULL = CondaRecord(
    build="py311_1",
    build_number=1,
    noarch="python",
    constrains=("b <2",),
    license="MIT",
    md5="0" * 32,
    timestamp=1_700_000_000_000,
    track_features=("x", "y"),
    site_packages="lib/python3.11t/site-packages",
)


def locked(source: str, file: str, record: CondaRecord) -> Locked:
    return Locked("conda", "a", "1.0", source, file, "1" * 64, 7, requires=("python",), conda=record)


def test_a_package_of_an_alias() -> None:
    described = describe_package(locked("forge", "noarch/a-1.0-py311_1.conda", FULL), ["a >=1"])
    assert described == {
        "name": "a", "version": "1.0", "build": "py311_1", "build_number": 1, "subdir": "noarch",
        "noarch": "python", "depends": ["python"], "constrains": ["b <2"], "license": "MIT",
        "timestamp": 1_700_000_000_000, "track_features": "x y",
        "python_site_packages_path": "lib/python3.11t/site-packages",
        "fn": "a-1.0-py311_1.conda", "channel": "envbuild://forge",
        "url": "envbuild://forge/noarch/a-1.0-py311_1.conda",
        "md5": "0" * 32, "sha256": "1" * 64, "size": 7, "requested_specs": ["a >=1"],
    }  # fmt: skip


def test_a_package_of_a_channel_that_the_spec_names_by_its_url() -> None:
    url = "https://channel.example/t/main/linux-64/a-1.0-0.conda"
    described = describe_package(locked("", url, CondaRecord("0")), [])
    assert (described["url"], described["channel"]) == (url, "https://channel.example/t/main")
    assert (described["subdir"], described["fn"]) == ("linux-64", "a-1.0-0.conda")
    # What a channel does not tell is not said to be empty.
    assert not described.keys() & {"license", "md5", "noarch", "timestamp", "track_features"}


def test_folders_behind_an_alias() -> None:
    described = describe_package(locked("forge/label/rc", "linux-64/a-1.0-0.conda", CondaRecord("0")), [])
    assert described["channel"] == "envbuild://forge/label/rc"
