"""Modules of a wheel in a step's root, and steps of a platform that is not this machine's."""

from __future__ import annotations

import io
import os
import struct
from typing import Any

import pytest

from envbuild.archive.layer import LayerWriter
from envbuild.core.errors import BuildError
from envbuild.core.platform import Platform
from tests.makers.roots import Machine, list_layer
from tests.makers.wheels import make_wheel

WHEEL = make_wheel("one", {"one/a.py": b"a\n", "one/data.txt": b"", "one-1.0.data/purelib/two.py": b"b\n"})
_MACHINE_AT = 18  # of e_machine in an ELF header


def modules(target: str = "/dev/modules") -> dict[str, Any]:
    placed = {"file": WHEEL.file_name, "prefix": "opt/env", "python": "3.11"}
    return {
        "mounts": [{"type": "modules", "target": target, **placed}],
        "files": {"mounts/0/wheel": WHEEL.data},
    }


def test_modules_of_a_wheel(machine: Machine, busybox: bytes) -> None:
    script = "cd /dev/modules; ls one; cat one/a.py two.py; ls"
    assert machine.tell([busybox], script, **modules()) == ["a.py", "a", "b", "one", "two.py"]


def test_the_umask_is_not_in_their_modes(machine: Machine, busybox: bytes) -> None:
    before = os.umask(0o077)
    try:
        told = machine.tell([busybox], "stat -c '%a %n' /dev/modules/*.py", **modules())
    finally:
        os.umask(before)
    assert told == ["644 /dev/modules/two.py"]


def test_nothing_of_them_is_in_the_layer(machine: Machine, busybox: bytes) -> None:
    layer = machine.script([busybox], "cp /dev/modules/two.py /srv", **modules())
    assert list_layer(layer) == {"srv": "file 644 0:0 'b\\n'"}


def test_modules_cannot_be_changed(machine: Machine, busybox: bytes) -> None:
    with pytest.raises(BuildError, match="exit code 1"):
        machine.script([busybox], "echo x > /dev/modules/two.py", **modules())


def foreign_program() -> bytes:
    """A layer with a program for a processor that nobody has or emulates."""
    out = io.BytesIO()
    writer = LayerWriter(out)
    header = bytearray(b"\x7fELF\x02\x01\x01".ljust(64, b"\0"))
    struct.pack_into("<H", header, _MACHINE_AT, 0xFFFF)
    writer.file("bin/foreign", bytes(header), mode=0o755)
    writer.finish()
    return out.getvalue()


def test_a_program_of_another_platform(machine: Machine, busybox: bytes) -> None:
    here = os.uname().machine
    other = next(each for each in map(Platform.parse, ("linux/amd64", "linux/arm64")) if each.machine != here)
    with pytest.raises(BuildError) as caught:
        machine.run([busybox, foreign_program()], "/bin/foreign", platform=str(other))
    assert caught.value.message == f"it runs programs of `{other}`, and this machine is `{here}`"
    assert "build it on a machine of" in caught.value.hint


def test_a_program_of_this_platform_that_cannot_run(machine: Machine, busybox: bytes) -> None:
    here = next(each for each in ("amd64", "arm64") if Platform("linux", each).machine == os.uname().machine)
    with pytest.raises(BuildError, match="ended with exit code 126"):
        machine.run([busybox, foreign_program()], "/bin/foreign", platform=f"linux/{here}")
