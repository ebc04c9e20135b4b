"""What extensions were linked to, and an image has or lacks."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from envbuild.archive.listing import Entry, Kind, encode_listing
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.execute.libraries import check_libraries
from tests.makers.elf import make_library
from tests.makers.wheels import make_wheel

EXTENSION = {"app/fast.so": make_library("libz.so.1", "libc.so.6")}


def check(folder: Path, files: Mapping[str, bytes], *layers: Sequence[Entry]) -> bytes:
    """Check a wheel of these files against an image of these layers."""
    folder.joinpath("wheel").write_bytes(make_wheel("app", dict(files)).data)
    inputs = {"wheels/000": folder / "wheel"}
    for n, entries in enumerate(layers):
        inputs[f"layers/{n:04}"] = folder / str(n)
        (folder / str(n)).write_bytes(encode_listing(entries))
    out = io.BytesIO()
    check_libraries(Job({"owners": ["app 1.0"]}, inputs, {"checked": out}))  # type: ignore[dict-item]
    return out.getvalue()


def entry(path: str, kind: Kind = Kind.FILE) -> Entry:
    return Entry(path, kind, 0o755)


def test_wherever_they_are(tmp_path: Path) -> None:
    """Links are names, too: `libz.so.1` is one, nearly always."""
    layers = ([entry("usr/lib/libc.so.6")], [entry("opt/lib/libz.so.1", Kind.SYMLINK)])
    assert check(tmp_path, EXTENSION, *layers) == b"all libraries that were linked to are there\n"


def test_a_wheel_may_bring_its_own(tmp_path: Path) -> None:
    assert check(tmp_path, {**EXTENSION, "app.libs/libz.so.1": b""}, [entry("lib/libc.so.6")])


@pytest.mark.parametrize("layer", [[], [entry("usr/lib/libz.so.1", Kind.DIRECTORY)], [entry("libz.so.1/x")]])
def test_what_is_lacking(tmp_path: Path, layer: list[Entry]) -> None:
    with pytest.raises(BuildError) as caught:
        check(tmp_path, EXTENSION, [entry("lib/libc.so.6")], layer)
    assert caught.value.message == (
        "the image lacks libraries that its `sdist_base` has:\n"
        "`app/fast.so` of `app 1.0` is linked to `libz.so.1`"
    )
    assert "apt" in caught.value.hint


def test_many_are_counted(tmp_path: Path) -> None:
    files = {"app/fast.so": make_library(*(f"lib{n}.so" for n in range(8)))}
    with pytest.raises(BuildError, match=r"`lib4\.so`\nand 3 more such names"):
        check(tmp_path, files)


def test_what_drivers_bring_is_in_no_image(tmp_path: Path) -> None:
    assert check(tmp_path, {"app/fast.so": make_library("libcuda.so.1", "libnvidia-ml.so.1")})
    with pytest.raises(BuildError, match=r"`libcudart\.so\.12`"):
        check(tmp_path, {"app/fast.so": make_library("libcudart.so.12")})


def test_what_is_no_library_needs_nothing(tmp_path: Path) -> None:
    assert check(tmp_path, {"app/x.so": b"\x7fELF", "app/y.py": b"libz.so.1"})
