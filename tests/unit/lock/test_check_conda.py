"""Is what conda was asked still answered? Decided without a solver, from what the lock says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envbuild.core.platform import Platform
from envbuild.lock.check import check_lock, record_inputs
from envbuild.lock.check_conda import spec_name
from envbuild.lock.conda_python import find_python, follow_conda, provided_pins
from envbuild.lock.model import (
    CondaQuestion,
    CondaRecord,
    Lock,
    Locked,
    PlatformLock,
    PythonQuestion,
    Questions,
)
from envbuild.spec.conda.model import ExactPackage
from tests.makers.questions import ask

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
QUESTION = CondaQuestion(("app >=1",), ("ours",), "strict", ("__cuda=12.4=0", "__glibc=2.36=0"), AMD64)


def package(name: str, *requires: str, version: str = "1.0", **record: Any) -> Locked:
    made = CondaRecord("0", **record)
    return Locked("conda", name, version, "ours", f"noarch/{name}.conda", "ab" * 32, 1, requires, conda=made)


APP = package("app", "Lib >=1", "ours::tool", "__cuda >=12", 'maybe[when="python <3"]')
PACKAGES = (APP, package("lib"), package("tool", "lib"))
FACTS = {"virtual": "__cuda=12.4=0 __glibc=2.36=0"}


def reasons(question: CondaQuestion, *packages: Locked, asked: CondaQuestion = QUESTION) -> tuple[str, ...]:
    """Why a lock of these packages, which was made for another question, does not answer this one."""
    part = PlatformLock(packages or PACKAGES, FACTS)
    lock = Lock("environment", record_inputs({AMD64: asked}), {AMD64: part})
    return check_lock(lock, "environment", {question.platform: question}, [question.platform])


BROKEN = package("app", "__cuda ][")


def test_what_no_channel_says_is_not_offered() -> None:
    question = replace(QUESTION, virtual=("__cuda=12.5=0",))
    assert reasons(question, BROKEN) == ("`app` needs `__cuda ][`, which the target does not offer now",)


CHANGED = [
    ({}, ()),
    ({"specs": ("app >=1", "app >=1")}, ()),
    ({"virtual": ("__cuda=12.9=0",)}, ()),
    ({"virtual": ("__cuda=11.8=0",)}, ("`app` needs `__cuda >=12`, which the target does not offer now",)),
    ({"virtual": ()}, ("`app` needs `__cuda >=12`, which the target does not offer now",)),
    ({"channels": ("more", "ours")}, ("the channels changed; by priority, they are now `more`, `ours`",)),
    ({"priority": "flexible"}, ("the priority of channels is `flexible` now",)),
    (
        {"specs": ("app >=2",)},
        ("`app >=2` is now required of conda", "`app >=1` is no longer required of conda"),
    ),
    (
        {"exact": (ExactPackage("https://c.example/noarch/lib-1-0.conda"),)},
        ("the conda packages that are named by their URLs changed",),
    ),
]


@pytest.mark.parametrize(("change", "expected"), CHANGED)
def test_what_a_change_makes_of_a_lock(change: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert reasons(replace(QUESTION, **change)) == expected


def test_what_a_merge_may_leave() -> None:
    assert reasons(QUESTION, APP, package("tool", "lib")) == ("`lib` is not locked, but `app` requires it",)
    assert reasons(QUESTION, *PACKAGES, package("more")) == ("`more` is no longer required of conda",)


# What the channel does not tell, nobody can mend by locking again.
def test_packages_by_url_need_nothing_else() -> None:
    exact = ExactPackage("https://c.example/noarch/app-1.0-0.conda", sha256="ab" * 32)
    question = replace(QUESTION, specs=(), exact=(exact,))
    assert reasons(question, APP, asked=question) == ()
    assert reasons(replace(question, exact=(replace(exact, sha256="cd" * 32),)), APP, asked=question) != ()


def test_each_platform_has_specs_of_its_own() -> None:
    arm = replace(QUESTION, platform=ARM64, specs=("other",))
    inputs = record_inputs({AMD64: QUESTION, ARM64: arm})
    assert inputs["conda"] == {
        "channels": ["ours"],
        "priority": "strict",
        "specs": {"linux/amd64": ["app >=1"], "linux/arm64": ["other"]},
    }


@pytest.mark.parametrize(
    "text", ["numpy", " NumPy>=1", "numpy=1.17|1.18", "ours/linux-64::numpy", "https://h/c::numpy[build=x]"]
)
def test_the_package_of_a_spec(text: str) -> None:
    assert spec_name(text) == "numpy"


def test_what_conda_means_to_pip() -> None:
    python = package("python", version="3.12.1")
    numpy = package("numpy", provides=("numpy==1.26.4", "also-this==2"))
    asked = follow_conda(ask("numpy>=1"), [python, numpy])
    assert asked.facts.python is not None
    assert asked.facts.python.version == "3.12.1"
    assert {name: (pin.version, pin.requires) for name, pin in asked.pins.items()} == {
        "numpy": ("1.26.4", ()),
        "also-this": ("2", ()),
    }
    assert provided_pins([python]) == {}


@pytest.mark.parametrize("version", ["x", "3", "03.1", "3.x"])
def test_what_is_no_version_of_python(version: str) -> None:
    assert find_python([package("python", version=version)], "opt/env") is None


def test_pip_s_part_is_judged_on_what_conda_has() -> None:
    """Without conda's answer, numpy would be missing, and the Python another."""
    numpy = package("numpy", provides=("numpy==1.26.4",))
    conda = replace(QUESTION, specs=("numpy", "python"))
    pip: PythonQuestion = replace(ask("numpy>=1"), facts=replace(ask("x").facts, python=None))
    part = PlatformLock((numpy, package("python", version="3.12.1")), {**FACTS, "python": "3.12"})
    both = Questions((conda, pip))
    lock = Lock("environment", record_inputs({AMD64: both}), {AMD64: part})
    assert check_lock(lock, "environment", {AMD64: both}, [AMD64]) == ()
    stricter = Questions((conda, replace(pip, requirements=("numpy>=2",))))
    assert check_lock(lock, "environment", {AMD64: stricter}, [AMD64]) != ()
