"""Which wheels fit, and which fits best."""

from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.platform import Facts, Platform
from envbuild.lock.tags import needed_libc, rank_wheel
from tests.makers.questions import make_facts

GLIBC, MUSL = make_facts(), make_facts("musl 1.1")


@pytest.mark.parametrize(
    ("tag", "facts", "fits"),
    [
        ("py3-none-any", GLIBC, True),
        ("py2.py3-none-any", GLIBC, True),
        ("cp311-cp311-manylinux_2_36_x86_64", GLIBC, True),
        ("cp311-cp311-manylinux_2_37_x86_64", GLIBC, False),
        ("cp311-cp311-manylinux2014_x86_64.manylinux_2_99_x86_64", GLIBC, True),
        ("cp311-cp311-manylinux1_x86_64", GLIBC, True),
        ("cp36-abi3-linux_x86_64", GLIBC, True),
        ("cp312-abi3-linux_x86_64", GLIBC, False),
        ("cp310-cp310-manylinux_2_17_x86_64", GLIBC, False),
        ("cp311-cp311-manylinux_2_17_aarch64", GLIBC, False),
        ("cp311-cp311-musllinux_1_1_x86_64", GLIBC, False),
        ("cp311-cp311-musllinux_1_1_x86_64", MUSL, True),
        ("cp311-cp311-musllinux_1_2_x86_64", MUSL, False),
        ("cp311-cp311-manylinux_2_17_x86_64", MUSL, False),
        ("cp311-cp311-win_amd64", GLIBC, False),
        ("cp313-cp313t-manylinux_2_17_x86_64", make_facts(python="3.13.1"), False),  # free-threaded
        ("cp311-cp311-manylinux1_x86_64", make_facts(target="linux/arm64"), False),
    ],
)
def test_fit(tag: str, facts: Facts, fits: bool) -> None:
    assert (rank_wheel(f"app-1.0-{tag}.whl", facts) is not None) == fits


def test_the_closest_to_the_target_is_best() -> None:
    best_first = [
        "cp311-cp311-manylinux_2_34_x86_64",
        "cp311-cp311-manylinux2014_x86_64",
        "cp38-abi3-linux_x86_64",
        "py3-none-any",
    ]
    ranks = [rank_wheel(f"app-1.0-{tag}.whl", GLIBC) for tag in best_first]
    assert None not in ranks
    assert ranks == sorted(ranks, key=lambda rank: rank or 0)
    assert len(set(ranks)) == len(ranks)


@pytest.mark.parametrize("file", ["app.whl", "app-1.0.tar.gz", "", "app-1.0-x-y-z-a-b.whl"])
def test_no_wheel_fits_nothing(file: str) -> None:
    assert rank_wheel(file, GLIBC) is None


def test_the_least_c_library() -> None:
    def needs(*tags: str) -> str:
        return str(needed_libc([f"app-1.0-{tag}.whl" for tag in tags], GLIBC))

    assert needs("py3-none-any") == "None"
    assert needs("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64") == "glibc 2.17"
    assert needs("cp311-cp311-manylinux1_x86_64", "cp311-cp311-manylinux_2_28_x86_64") == "glibc 2.28"
    # One of its tags runs anywhere.
    assert needs("py3-none-any.manylinux_2_28_x86_64") == "None"


def test_a_target_that_is_not_known() -> None:
    with pytest.raises(SpecError, match="are not known"):
        rank_wheel("app-1.0-py3-none-any.whl", Facts(Platform()))
