"""What a step changed, and nothing else, is in its layer."""

from __future__ import annotations

import pytest

from tests.makers.roots import Machine, list_layer

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
    "socket": ("nc -l -s 127.0.0.1 -p 9 & sleep 0; true", {}),
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
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """One for all cases: they differ in what they do, not in what they stand on."""
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def below(machine: Machine, busybox: bytes) -> list[bytes]:
    return [busybox, machine.script([busybox], BEFORE)]


@pytest.mark.parametrize(("script", "entries"), CASES.values(), ids=CASES)
def test_changes(machine: Machine, below: list[bytes], script: str, entries: dict[str, str]) -> None:
    assert list_layer(machine.script(below, script)) == entries
