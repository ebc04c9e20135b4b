"""Locks as conda-lock.yml, read back by conda-lock's own parser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from conda_lock.lockfile import parse_conda_lock_file

from envbuild.core.errors import UsageError
from envbuild.lock.export.conda_lock import write_conda_lock
from tests.makers.environments import AMD64, ARM64, make_environment, make_locked, serve

ALPHA = make_locked("alpha", requires=("beta>=1", "beta<2; extra == 'more'", "gamma"))
BETA = make_locked("beta")
DIRECT = make_locked("direct", "http://127.0.0.1/direct-1.0-py3-none-any.whl", source="")


def parse(text: str, folder: Path) -> Any:
    path = folder / "conda-lock.yml"
    path.write_text(text)
    return parse_conda_lock_file(path)


def test_packages(tmp_path: Path) -> None:
    environment = make_environment(ALPHA, BETA, DIRECT)
    lock = parse(write_conda_lock({AMD64: environment}, serve(environment.wheels)), tmp_path)
    packages = {package.name: package for package in lock.package}
    assert {(each.manager, each.platform, each.version) for each in lock.package} == {
        ("pip", "linux-64", "1.0")
    }
    alpha = packages["alpha"]
    assert alpha.url == f"http://127.0.0.1/files/{ALPHA.file}"
    assert alpha.hash.sha256 == ALPHA.sha256
    assert alpha.dependencies == {"beta": "<2,>=1", "gamma": "*"}
    assert alpha.source is None
    # conda-lock gives pip the source of a package as it is: the hash must be a part of it.
    assert packages["direct"].source.url == f"{DIRECT.file}#sha256={DIRECT.sha256}"


def test_platforms_have_conda_s_names(tmp_path: Path) -> None:
    environments = {
        ARM64: make_environment(BETA, platform=ARM64),
        AMD64: make_environment(ALPHA, BETA),
    }
    lock = parse(write_conda_lock(environments, serve([ALPHA, BETA])), tmp_path)
    found = [(package.name, package.platform) for package in lock.package]
    assert sorted(found) == [("alpha", "linux-64"), ("beta", "linux-64"), ("beta", "linux-aarch64")]
    assert lock.metadata.platforms == ["linux-64", "linux-aarch64"]


def test_content_hash_is_that_of_the_packages() -> None:
    def hashes(*wheels: Any) -> Any:
        text = write_conda_lock({AMD64: make_environment(*wheels)}, serve(wheels))
        return yaml.safe_load(text)["metadata"]["content_hash"]

    assert hashes(ALPHA, BETA) == hashes(ALPHA, BETA)
    assert hashes(ALPHA, BETA) != hashes(ALPHA)


def test_nothing_but_the_packages_enters_the_file() -> None:
    environment = make_environment(ALPHA, BETA)
    first, second = (write_conda_lock({AMD64: environment}, serve(environment.wheels)) for _ in range(2))
    assert first == second
    assert "time_metadata" not in first
    assert "git_metadata" not in first


def test_a_local_wheel_has_no_url() -> None:
    local = make_locked("local", "wheels/local-1.0-py3-none-any.whl", source="")
    with pytest.raises(UsageError, match=r"`wheels/local-1.0-py3-none-any.whl` is a local wheel"):
        write_conda_lock({AMD64: make_environment(local)}, serve([local]))
