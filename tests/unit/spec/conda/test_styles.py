"""Environments in the styles of those who write them: each is read whole, and the same twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.makers.conda_spec import read_text

# What is written -> channels, specs, requirements.
Expected = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

STYLES: dict[str, tuple[str, Expected]] = {
    "deep learning": (
        """\
        name: gpu
        channels:
          - pytorch
          - nvidia/label/cuda-12.1.0
          - conda-forge
        dependencies:
          - pytorch::pytorch[version=2.*,build=*cuda*]
          - nvidia/label/cuda-12.1.0::cuda-toolkit
          - pytorch-cuda=12.1
          - python>=3.9, <3.12
          - libblas=*=*openblas
        """,
        (
            ("pytorch", "nvidia/label/cuda-12.1.0", "conda-forge"),
            (
                "libblas=*=*openblas",
                "nvidia/label/cuda-12.1.0::cuda-toolkit",
                "python>=3.9, <3.12",
                "pytorch-cuda=12.1",
                "pytorch::pytorch[version=2.*,build=*cuda*]",
            ),
            (),
        ),
    ),
    "lists in the column of their keys": (
        """\
        channels:
        - defaults
        dependencies:
        - _openmp_mutex=5.1=1_gnu
        - pip=24.0=py311h06a4308_0
        - pip:
          - absl-py==2.1.0
          - zope-interface==6.3
        """,
        (
            ("defaults",),
            ("_openmp_mutex=5.1=1_gnu", "pip=24.0=py311h06a4308_0"),
            ("absl-py==2.1.0", "zope-interface==6.3"),
        ),
    ),
    "on one line each": (
        'name: "r"\nchannels: [forge, bioconda]\ndependencies: ["r-base>=4,<4.1.0a0", samtools >=1.10]\n',
        (("forge", "bioconda"), ("r-base>=4,<4.1.0a0", "samtools >=1.10"), ()),
    ),
    "from another system": (
        "channels:\r\n  - conda-forge\r\ndependencies:\r\n  - jpeg<9e  # [unix]\r\n  - m2w64  # [win]\r\n",
        (("conda-forge",), ("jpeg<9e",), ()),
    ),
    "with a mark at its beginning": ("\ufeffdependencies: [zlib]\n", ((), ("zlib",), ())),
    "as JSON": ('{"channels": ["a"], "dependencies": ["b", {"pip": ["c"]}]}', (("a",), ("b",), ("c",))),
    "with sections that are empty": ("name:\nchannels:\ndependencies:\nprefix:\n", ((), (), ())),
    "with documents' marks": ("---\ndependencies:\n- zlib\n...\n", ((), ("zlib",), ())),
    "texts of several lines": ("dependencies:\n- numpy\n  >=1.20,\n  <2\n", ((), ("numpy >=1.20, <2",), ())),
}


@pytest.mark.parametrize("style", STYLES)
def test_a_style(tmp_path: Path, style: str) -> None:
    text, expected = STYLES[style]
    found = read_text(tmp_path, text)
    assert (found.channels, found.specs, found.pip.requirements) == expected
    assert read_text(tmp_path, text) == found
