"""What a step changed, and nothing else, is in its layer."""

from __future__ import annotations

import io
import os
import re
import socket
from pathlib import Path

import pytest

from envbuild.archive.layer import LayerWriter
from envbuild.core.errors import ArchiveError, BuildError
from envbuild.execute.sandbox.inside.changes import Changes
from envbuild.execute.sandbox.inside.channel import open_channel
from tests.makers.roots import Machine, list_layer, make_tools, read_attributes

BEFORE = """
mkdir -p /d/sub /deep/er /keep
echo one > /d/one; echo two > /d/two; echo in > /d/sub/in; echo deep > /deep/er/file
echo old > /file; ln -s file /link; ln /file /twin; mkfifo /pipe; chmod 700 /keep
"""
# Script, and the entries of its layer.
CASES: dict[str, tuple[str, dict[str, str]]] = {
    "nothing": ("true", {}),
    "create": ("echo x > /new", {"new": "file 644 0:0 'x\\n'"}),
    "create below": (
        "echo x > /d/sub/new",
        {"d/sub/new": "file 644 0:0 'x\\n'", "d": "dir 755 0:0", "d/sub": "dir 755 0:0"},
    ),
    "create in a new folder": (
        "mkdir -p /n/m; echo > /n/m/x",
        {"n/m/x": "file 644 0:0 '\\n'", "n": "dir 755 0:0", "n/m": "dir 755 0:0"},
    ),
    "an empty folder": ("mkdir /n", {"n": "dir 755 0:0"}),
    "modify": ("echo new > /file", {"file": "file 644 0:0 'new\\n'"}),
    "append nothing": (": >> /file", {}),
    "write the same": ("echo old > /file", {}),
    "replace by the same": ("rm /file; echo old > /file", {}),
    "touch": ("touch /file /d /d/sub/in", {}),
    "chmod": ("chmod 600 /file", {"file": "file 600 0:0 'old\\n'"}),
    "chmod and back": ("chmod 600 /file; chmod 644 /file", {}),
    "chmod of a folder": ("chmod 711 /d", {"d": "dir 711 0:0"}),
    "a folder's own mode stays": (
        "echo x > /keep/x",
        {"keep/x": "file 644 0:0 'x\\n'", "keep": "dir 700 0:0"},
    ),
    "delete": ("rm /file", {".wh.file": "file 600 0:0 ''"}),
    "delete below": ("rm /d/one", {"d/.wh.one": "file 600 0:0 ''", "d": "dir 755 0:0"}),
    "delete a folder": ("rm -r /d", {".wh.d": "file 600 0:0 ''"}),
    "create and delete": ("echo > /x; mkdir /y; rm -r /x /y", {}),
    "replace a folder": (
        "rm -r /d; mkdir /d; echo 1 > /d/one",
        {"d/.wh..wh..opq": "file 600 0:0 ''", "d/one": "file 644 0:0 '1\\n'", "d": "dir 755 0:0"},
    ),
    "empty a folder by replacing it": (
        "rm -r /d; mkdir /d",
        {"d/.wh..wh..opq": "file 600 0:0 ''", "d": "dir 755 0:0"},
    ),
    "a file in the place of a folder": ("rm -r /d; echo > /d", {"d": "file 644 0:0 '\\n'"}),
    "a folder in the place of a file": (
        "rm /file; mkdir /file; echo > /file/x",
        {"file/x": "file 644 0:0 '\\n'", "file": "dir 755 0:0"},
    ),
    "a folder in the place of a link": ("rm /link; mkdir /link", {"link": "dir 755 0:0"}),
    "a link in the place of a file": ("ln -sf /d /file", {"file": "link 777 0:0 /d"}),
    "rename a file": ("mv /file /other", {".wh.file": "file 600 0:0 ''", "other": "file 644 0:0 'old\\n'"}),
    "rename a folder": (
        "mv /deep /other",
        {
            ".wh.deep": "file 600 0:0 ''",
            "other": "dir 755 0:0",
            "other/er": "dir 755 0:0",
            "other/er/file": "file 644 0:0 'deep\\n'",
        },
    ),
    "symbolic link": ("ln -s /nowhere /new", {"new": "link 777 0:0 /nowhere"}),
    "a link made again": ("rm /link; ln -s file /link", {}),
    "a link to elsewhere": ("ln -sf other /link", {"link": "link 777 0:0 other"}),
    "hard links": (
        "echo x > /b; ln /b /a; ln /b /d/c",
        {"a": "file 644 0:0 'x\\n'", "b": "hard 644 0:0 a", "d/c": "hard 644 0:0 a", "d": "dir 755 0:0"},
    ),
    "a hard link to what is below": (
        "ln /file /new",
        {"file": "file 644 0:0 'old\\n'", "new": "hard 644 0:0 file"},
    ),
    "setuid, setgid, sticky": (
        "echo > /s; chmod 6755 /s; mkdir /t; chmod 1777 /t",
        {"s": "file 6755 0:0 '\\n'", "t": "dir 1777 0:0"},
    ),
    "pipe": ("mkfifo -m 600 /p", {"p": "fifo 600 0:0"}),
    "a pipe of below": ("chmod 600 /pipe", {"pipe": "fifo 600 0:0"}),
    "names of other scripts": ("echo > '/größe ✓'", {"größe ✓": "file 644 0:0 '\\n'"}),
    "long names": (
        f"mkdir -p /{'n' * 120}; echo > /{'n' * 120}/x",
        {f"{'n' * 120}/x": "file 644 0:0 '\\n'", f"{'n' * 120}": "dir 755 0:0"},
    ),
    "temporary files": ("echo > /tmp/x", {"tmp/x": "file 644 0:0 '\\n'", "tmp": "dir 1777 0:0"}),
    "kernel file systems": ("echo > /dev/x; echo > /dev/shm/y", {}),
    "an own resolver": ("mkdir /etc/more", {"etc": "dir 755 0:0", "etc/more": "dir 755 0:0"}),
}


@pytest.fixture(scope="module")
def below(machine: Machine, busybox: bytes) -> list[bytes]:
    return [busybox, machine.script([busybox], BEFORE)]


@pytest.mark.parametrize(("script", "entries"), CASES.values(), ids=CASES)
def test_changes(machine: Machine, below: list[bytes], script: str, entries: dict[str, str]) -> None:
    assert list_layer(machine.script(below, script)) == entries


def test_the_same_step_gives_the_same_bytes(machine: Machine, below: list[bytes], tmp_path: Path) -> None:
    script = "mkdir -p /n; for i in 3 1 2; do echo $i > /n/$i; done; rm /d/one; chmod 700 /d; touch /tmp/t"
    first = machine.script(below, script)
    assert Machine(tmp_path).script(below, f"sleep 1; {script}") == first


def test_a_layer_on_its_layers_is_what_the_step_left(machine: Machine, below: list[bytes]) -> None:
    look = "find /d /file /link /other /new -xdev 2>&1 | sort; cat /other/one /new"
    script = (
        "mv /d /other; rm -r /file; mkdir /file; echo new > /new; ln -sf /new /link; mkdir /d; echo > /d/z"
    )
    after = machine.script(below, f"{script}; {look}")
    left = machine.lines[-machine.lines[::-1].index("/d") - 1 :]
    assert machine.tell([*below, after], look) == left


def test_capabilities_are_kept(machine: Machine, busybox: bytes) -> None:
    # setcap and setfattr are not busybox's: this layer is one that another tool made.
    out = io.BytesIO()
    writer = LayerWriter(out)
    capability = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service=ep
    writer.attributes("bin/serve", {"security.capability": capability, "user.note": b"\xff\n="})
    writer.file("bin/serve", b"#!/bin/sh\n", mode=0o755)
    writer.directory("bin")
    writer.finish()
    layer = machine.script([busybox, out.getvalue()], "chmod 700 /bin/serve")
    described = list_layer(layer)["bin/serve"]
    assert described.startswith("file 700 0:0")
    attributes = read_attributes(layer, "bin/serve")
    assert attributes == {"security.capability": capability}  # as in BuildKit's layers
    # Attributes count as a change only where they differ.
    assert list_layer(machine.script([busybox, out.getvalue(), layer], "chmod 700 /bin/serve")) == {}


def test_what_no_layer_can_hold_is_refused(machine: Machine, busybox: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"`/d/.wh.x` has a name that means in layers"):
        machine.script([busybox], "mkdir d; echo > d/.wh.x")
    with pytest.raises(ArchiveError, match="is not a path that a layer may hold"):
        machine.script([busybox], "echo > $(printf 'a\\nb')")


def test_names_that_are_no_text_are_refused(machine: Machine, busybox: bytes) -> None:
    with pytest.raises(ArchiveError, match="is not Unicode text"):
        machine.script([busybox], "echo > $(printf 'a\\377b')")


def test_devices_cannot_be_made(machine: Machine, busybox: bytes) -> None:
    for device in ("c 1 3", "b 7 0", "c 0 0"):  # the last is the kernel's mark of what is gone
        with pytest.raises(BuildError, match="/device: Operation not permitted") as caught:
            machine.script([busybox], f"mknod /device {device}")
        assert caught.value.hint.startswith("no step may make devices")


def test_owners_that_nobody_has(machine: Machine, busybox: bytes) -> None:
    if machine.identity.host:
        machine.script([busybox], "echo > /x; chown 3000000 /x")
        return
    with pytest.raises(BuildError, match="/x: Invalid argument") as caught:
        machine.script([busybox], "echo > /x; chown 3000000 /x")
    assert caught.value.hint.startswith("if it needs ")


def test_capabilities_that_a_step_gives(machine: Machine, busybox: bytes) -> None:
    """The same for whoever runs it: the kernel notes whose namespace it was, and tells nobody inside."""
    root, script = [busybox, make_tools("setcap")], "echo > /serve; setcap cap_net_raw+ep /serve"
    layer = machine.script(root, script)
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    assert read_attributes(layer, "serve") == {"security.capability": capability}
    again = machine.script([*root, layer], "chmod 600 /serve")
    assert read_attributes(again, "serve") == {"security.capability": capability}


def test_capabilities_that_the_kernel_does_not_take(machine: Machine, busybox: bytes) -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.attributes("serve", {"security.capability": b"damaged"})
    writer.file("serve", b"")
    writer.finish()
    told = "'serve' of a layer cannot have its attribute 'security.capability': Invalid argument"
    with pytest.raises(BuildError, match=re.escape(told)) as caught:
        machine.script([busybox, out.getvalue()], "true")
    assert "`--executor docker`" in caught.value.hint


def test_sockets_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("upper", "below"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "upper")  # sockets have short names
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
    (tmp_path / "upper" / "file").write_text("x")
    ours, theirs = open_channel()
    Changes(str(tmp_path / "upper"), str(tmp_path / "below"), "user", []).send(theirs)
    theirs.close()
    message, descriptor = ours.receive()
    assert message is not None
    assert message["path"] == "file"
    assert descriptor is not None
    os.close(descriptor)
    assert ours.receive() == (None, None)


@pytest.mark.parametrize(
    ("script", "entries"),
    [
        ("chown 5:7 /file", {"file": "file 644 5:7 'old\\n'"}),
        ("chown 5 /d", {"d": "dir 755 5:0"}),
        ("chown -h 5 /link", {"link": "link 777 5:0 file"}),
        ("chown 5 /file; chown 0 /file", {}),
        ("su app -c 'echo x > /tmp/x'", {"tmp/x": "file 644 1000:1000 'x\\n'", "tmp": "dir 1777 0:0"}),
    ],
)
def test_owners(machine: Machine, below: list[bytes], script: str, entries: dict[str, str]) -> None:
    if machine.identity.single:
        with pytest.raises(BuildError, match=r"Invalid argument|can't set|not permitted") as caught:
            machine.script(below, script)
        assert caught.value.hint.startswith("if it needs other users than root, of whom you have none: ")
        assert "get sub-ids: `echo " in caught.value.hint
    else:
        assert list_layer(machine.script(below, script)) == entries
