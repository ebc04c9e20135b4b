"""The modules of a wheel: those of its layer, and nothing else."""

from __future__ import annotations

import io

from envbuild.archive.wheel_modules import read_modules
from envbuild.archive.zip_archive import LARGE
from tests.makers.wheels import Wheel, make_wheel, sample_wheels


def modules(wheel: Wheel) -> dict[str, bytes]:
    found = read_modules(io.BytesIO(wheel.data), file_name=wheel.file_name, prefix="opt/env", python="3.11")
    return dict(found)


def test_where_an_installation_has_them() -> None:
    # Neither a program's first line nor a header; what lies in `purelib` is beside the rest.
    assert modules(sample_wheels()["schemes"]) == {"some_schemes.py": b"", "pure.py": b"pure = 1\n"}


def test_scripts_are_no_modules() -> None:
    script = {"tool-1.0.data/scripts/tool.py": b"#!python\n", "tool-1.0.data/data/lib/x.py": b""}
    assert modules(make_wheel("tool", {"tool/sub/m.py": b"m\n", **script})) == {"tool/sub/m.py": b"m\n"}


def test_what_no_module_is_as_large_as() -> None:
    assert modules(make_wheel("big", {"data.py": b"#" * (LARGE + 1), "big.py": b""})) == {"big.py": b""}
