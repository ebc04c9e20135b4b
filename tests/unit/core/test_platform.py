from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.platform import Interpreter, Libc, Platform


@pytest.mark.parametrize(
    ("text", "platform", "machine"),
    [
        ("linux/amd64", Platform("linux", "amd64"), "x86_64"),
        ("linux/arm64", Platform("linux", "arm64"), "aarch64"),
        ("linux/arm64/v8", Platform("linux", "arm64"), "aarch64"),  # Docker's way to write it
    ],
)
def test_platforms(text: str, platform: Platform, machine: str) -> None:
    parsed = Platform.parse(text)
    assert parsed == platform
    assert parsed.machine == machine
    assert Platform.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "windows/amd64", "linux/x86_64", "linux/arm64/v7", "linux/amd64\n"]
)
def test_unknown_platforms(text: str) -> None:
    with pytest.raises(SpecError, match="unknown platform") as caught:
        Platform.parse(text)
    assert caught.value.hint == "use one of `linux/amd64`, `linux/arm64`"


@pytest.mark.parametrize("text", ["glibc 2.36", "musl 1.2"])
def test_libcs(text: str) -> None:
    assert str(Libc.parse(text)) == text


def test_versions_are_numbers() -> None:
    assert Libc.parse("glibc 2.9").version < Libc.parse("glibc 2.36").version


@pytest.mark.parametrize(
    ("needed", "runs"),
    [("glibc 2.9", True), ("glibc 2.36", True), ("glibc 2.37", False), ("musl 1.2", False)],
)
def test_what_was_linked_with_an_earlier_c_library_runs(needed: str, runs: bool) -> None:
    assert Libc.parse("glibc 2.36").runs(Libc.parse(needed)) is runs


@pytest.mark.parametrize("text", ["", "glibc", "glibc 2", "uclibc 1.0", "glibc 2.36.1", "glibc-2.36"])
def test_unknown_libcs(text: str) -> None:
    with pytest.raises(SpecError, match="unknown libc"):
        Libc.parse(text)


def test_what_an_interpreters_version_says() -> None:
    python = Interpreter("3.11.2", "/usr/bin/python3.11")
    assert (python.minor, python.abi) == ("3.11", "cp311")
    assert Interpreter("3.13").minor == "3.13"
