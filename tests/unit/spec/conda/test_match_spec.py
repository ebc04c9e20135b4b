"""MatchSpecs in every form; tests/fuzz/test_conda.py compares with who solves them."""

from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.spec.conda.match_spec import check_match_spec

FORMS = [
    "numpy",
    "_libgcc_mutex",
    "__glibc >=2.17",
    "numpy >=1.20,<2",
    "numpy>=1.20",
    "numpy==1.26.4",
    "numpy=1.26.4=py311h64a7726_0",
    "numpy 1.26.4 py311_0",
    "numpy=1.17|1.18",
    "numpy~=1.20",
    "numpy!=1.20",
    "blas=*=mkl",
    "python=3.11.*=*_cpython",
    "conda-forge::numpy",
    "conda-forge/linux-64::numpy=1.26",
    "https://conda.example/forge::numpy",
    "pkgs/main::numpy",
    "numpy[version='>=1.20',build=py*]",
    "numpy[md5=0123456789abcdef0123456789abcdef]",
    "numpy[channel=conda-forge,subdir=linux-64]",
    "numpy>=1.8,<2|==1.9",
    "libstdcxx-ng >=12",
    "ruamel.yaml",
    "nvidia/label/cuda-12.1.0::cuda-toolkit",
    "libblas=*=*openblas",
    "jpeg<9e",
    "gdal>=3.*",
    "python>=3.9, <3.12",
    "python >= 3.9",
    "pytorch=1.12.*=*cuda11*",
    "ca-certificates=2024a",
    "pkg=1!2.0",
    "blas[build=mkl]",
    "cudatoolkit 11.*|12.*",
    "python 3.8.* *_cpython",
    "PyYAML>=5",
]


@pytest.mark.parametrize("text", FORMS)
def test_every_form(text: str) -> None:
    assert check_match_spec(text) == text


def test_blanks_are_settled() -> None:
    assert check_match_spec("  numpy   >=1.20,<2 ") == "numpy >=1.20,<2"


HOSTILE = ["(" * 5000, "a" * 5000, "numpy " + "(" * 4000, "numpy[" + "[" * 4000, "\0", ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts(text: str) -> None:
    with pytest.raises(SpecError, match="is no MatchSpec"):
        check_match_spec(text)


# Lenient as conda is, the solver would look for a build of that name.
@pytest.mark.parametrize("text", ["numpy>=1.20 <2", "numpy >=1 !=1.5", "numpy=1.2=a=b"])
def test_a_comma_that_is_missing(text: str) -> None:
    with pytest.raises(SpecError, match="is no build, and a comma is missing"):
        check_match_spec(text)
