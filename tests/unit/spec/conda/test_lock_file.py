"""conda-lock.yml: what conda-lock itself writes is read as it means it."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.platform import Platform
from tests.makers.conda_lock import SHA, URL, WHEELS, package, write_lock
from tests.makers.conda_spec import read_files, read_text
from tests.makers.workspace import failures

OTHER = "c" * 64
X86, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")


def test_packages_of_conda_are_exact(tmp_path: Path) -> None:
    write_lock(tmp_path, package("zlib"), package("tzdata", folder="noarch"))
    found = read_files(tmp_path, "conda-lock.yml")
    assert found.channels == (URL,)
    assert found.platforms == ("linux-64",)
    assert [(each.file, each.sha256, each.platform) for each in found.exact] == [
        ("linux-64/zlib-1.0-0.conda", SHA, "linux-64"),
        ("noarch/tzdata-1.0-0.conda", SHA, "linux-64"),
    ]


def test_several_platforms(tmp_path: Path) -> None:
    from conda_lock.lockfile.v2prelim.models import HashModel

    write_lock(
        tmp_path,
        package("zlib"),
        package("zlib", "linux-aarch64"),
        package("zlib", "osx-arm64"),
        package("six", manager="pip"),
        package("six", "linux-aarch64", manager="pip"),
        package("mkl", manager="pip"),
        package("numpy", manager="pip"),
        package("numpy", "linux-aarch64", manager="pip", hash=HashModel(sha256=OTHER)),
        platforms=("linux-64", "linux-aarch64", "osx-arm64"),
    )
    found = read_files(tmp_path, "conda-lock.yml")
    assert [each.file for each in found.on(ARM).exact] == ["linux-aarch64/zlib-1.0-0.conda"]
    assert [each.file for each in found.on(X86).exact] == ["linux-64/zlib-1.0-0.conda"]
    assert found.pip.requirements == (
        f'mkl==1.0; platform_machine == "x86_64" --hash=sha256:{SHA}',
        f"numpy==1.0 --hash=sha256:{SHA} --hash=sha256:{OTHER}",
        f"six==1.0 --hash=sha256:{SHA}",
    )


def test_a_package_of_the_only_platform_needs_no_marker(tmp_path: Path) -> None:
    write_lock(tmp_path, package("six", manager="pip"))
    assert read_files(tmp_path, "conda-lock.yml").pip.requirements == (f"six==1.0 --hash=sha256:{SHA}",)


def test_categories(tmp_path: Path) -> None:
    write_lock(tmp_path, package("zlib"), package("pytest", categories={"dev"}))
    assert [each.name for each in read_files(tmp_path, "conda-lock.yml").exact] == ["zlib"]
    found = read_files(tmp_path, "conda-lock.yml[dev]")
    assert [each.name for each in found.exact] == ["pytest", "zlib"]
    (error,) = failures(lambda: read_files(tmp_path, "conda-lock.yml[docs]"))
    assert "no package is of the category `docs`" in error


def test_a_package_of_pip_that_is_an_sdist(tmp_path: Path) -> None:
    write_lock(tmp_path, package("six", manager="pip", url=f"{WHEELS}/six-1.0.tar.gz"))
    assert read_files(tmp_path, "conda-lock.yml").pip.requirements == (f"six==1.0 --hash=sha256:{SHA}",)


def test_a_package_of_pip_that_is_neither(tmp_path: Path) -> None:
    write_lock(tmp_path, package("six", manager="pip", url=f"{WHEELS}/six-1.0.zip"))
    (error,) = failures(lambda: read_files(tmp_path, "conda-lock.yml"))
    assert "`six` is locked as `six-1.0.zip`, which no index has" in error


HEAD = "version: 1\nmetadata: {channels: [], platforms: [linux-64]}\n"
REFUSED = {
    "version: 2\nmetadata: {}\npackage: []\n": "conda-lock.yml:1:10: conda-lock.yml of version `2`",
    f"{HEAD}package:\n- {{name: x, manager: npm, platform: linux-64}}\n": (
        "conda-lock.yml:4:3: `npm` is no manager of packages"
    ),
    f"{HEAD}package:\n- {{name: x, manager: conda}}\n": "conda-lock.yml:4:3: a package has no platform",
    f"{HEAD}package:\n- {{name: x, manager: conda, platform: linux-64}}\n": "conda-lock.yml:4:3: `` is no",
    f"{HEAD}package:\n- {{manager: conda, platform: linux-64, url: 'https://a:b@h/x'}}\n": (
        "conda-lock.yml:4:3: the URL holds credentials"
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_its_place(tmp_path: Path, text: str) -> None:
    (error,) = failures(lambda: read_text(tmp_path, text, "conda-lock.yml"))
    assert error.startswith(REFUSED[text])
