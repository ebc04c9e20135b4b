"""Explicit files, as conda, mamba and conda-lock write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.platform import Platform
from envbuild.spec.conda.model import ExactPackage
from tests.makers.conda_spec import read_files, read_text
from tests.makers.workspace import failures, write_files

SHA, MD5 = "a" * 64, "b" * 32
URL = "https://conda.example/forge"
X86, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")


def test_as_conda_lists_it(tmp_path: Path) -> None:
    found = read_text(
        tmp_path,
        f"""\
        # This file may be used to create an environment using:
        # $ conda create --name <env> --file <this file>
        # platform: linux-64
        # created-by: conda 24.5.0
        @EXPLICIT
        {URL}/linux-64/zlib-1.2.11-h7b6447c_3.conda#{MD5}
        {URL}/noarch/tzdata-2024a-h0c530f3_0.conda#sha256:{SHA}
        {URL}/linux-64/libgcc-ng-13.2.0-h77fa898_7.tar.bz2
        """,
        "linux.txt",
    )
    assert found.platforms == ("linux-64",)
    assert found.exact == (
        ExactPackage(f"{URL}/linux-64/libgcc-ng-13.2.0-h77fa898_7.tar.bz2", platform="linux-64"),
        ExactPackage(f"{URL}/linux-64/zlib-1.2.11-h7b6447c_3.conda", md5=MD5, platform="linux-64"),
        # Listed for this platform alone, whatever it would run on.
        ExactPackage(f"{URL}/noarch/tzdata-2024a-h0c530f3_0.conda", sha256=SHA, platform="linux-64"),
    )
    assert (found.specs, found.channels) == ((), ())


def test_a_file_per_platform(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "x86.txt": f"@EXPLICIT\n{URL}/linux-64/a-1-0.conda\n{URL}/noarch/n-1-0.conda\n",
            "arm.txt": f"@EXPLICIT\n{URL}/linux-aarch64/a-1-0.conda\n",
        },
    )
    found = read_files(tmp_path, "x86.txt", "arm.txt")
    assert [package.name for package in found.on(X86).exact] == ["a", "n"]
    assert [package.file for package in found.on(ARM).exact] == ["linux-aarch64/a-1-0.conda"]
    with pytest.raises(SpecError, match="is for `linux-64`, not for `linux-aarch64`"):
        read_files(tmp_path, "x86.txt").on(ARM)


def test_packages_for_any_platform(tmp_path: Path) -> None:
    found = read_text(tmp_path, f"@EXPLICIT\n{URL}/noarch/six-1-0.conda\n", "any.txt")
    assert found.on(X86).exact == found.on(ARM).exact != ()


# They are comments to conda, and packages to `conda-lock install`.
def test_pip_packages_of_conda_lock(tmp_path: Path) -> None:
    wheel = "https://files.example/six-1.16.0-py2.py3-none-any.whl"
    text = (
        f"@EXPLICIT\n{URL}/linux-64/a-1-0.conda\n# pip six @ {wheel} --hash=sha256:{SHA}\n# pip comes last\n"
    )
    assert read_text(tmp_path, text, "linux.txt").pip.requirements == (f"six @ {wheel} --hash=sha256:{SHA}",)


REFUSED = {
    "numpy=1.26\n": "linux.txt: this is no explicit file: it has no line `@EXPLICIT`",
    "@EXPLICIT\nnumpy=1.26.4=py311_0\n": "linux.txt:2: `numpy=1.26.4=py311_0` is no conda package's URL",
    "@EXPLICIT\n/opt/pkgs/linux-64/a-1-0.conda\n": "linux.txt:2: `/opt/pkgs/linux-64/a-1-0.conda` is no",
    f"@EXPLICIT\n{URL}/linux-64/a-1-0.conda#sha256:12\n": "linux.txt:2: `#sha256:12` is no digest",
    f"@EXPLICIT\n{URL}/linux-64/a-1-0.conda\n{URL}/osx-64/b-1-0.conda\n": (
        "linux.txt:3: a package for `osx-64` in a file for `linux-64`"
    ),
    f"# platform: osx-64\n@EXPLICIT\n{URL}/linux-64/a-1-0.conda": (
        "linux.txt:3: a package for `linux-64` in a file for `osx-64`"
    ),
    "@EXPLICIT\nhttps://me:hush@h.example/c/linux-64/a-1-0.conda": "linux.txt:2: the URL holds credentials",
    "@EXPLICIT\nhttps://h.example/t/hush/c/linux-64/a-1-0.conda": "linux.txt:2: the URL holds a token",
    "@EXPLICIT\nhttps://h.example/c/linux-64/a-1-0.conda?x=1.conda": "linux.txt:2: ",
    "@EXPLICIT\n# pip x @ https://files.example/x-1.zip": "linux.txt:2: `https://files.example/x-1.zip`",
    "@EXPLICIT\n\x1b[2J.conda\n": "linux.txt:2: `\\x1b[2J.conda` is no",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_its_line(tmp_path: Path, text: str) -> None:
    (error,) = failures(lambda: read_files(write_files(tmp_path, {"linux.txt": text.encode()}), "linux.txt"))
    assert error.startswith(REFUSED[text])
    assert "hush" not in error
