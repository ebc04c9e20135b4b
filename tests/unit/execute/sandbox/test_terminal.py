"""Programs that have our own terminal: standard streams, keys, signals, and an exit code."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from envbuild.execute.sandbox.identity import find_identity
from envbuild.execute.sandbox.roots import Roots
from envbuild.execute.sandbox.sandbox import Bind, Limits, Sandbox, Step, Upper, Watch
from tests.makers.roots import Machine
from tests.unit.execute.sandbox.test_unpacking import blob

RUN = """
import sys
from pathlib import Path
from envbuild.execute.sandbox.identity import find_identity
from envbuild.execute.sandbox.sandbox import Sandbox, Step, Upper
cache, layer, upper, *argv = sys.argv[1:]
sys.exit(Sandbox(Path(cache), find_identity()).run(Step(tuple(argv)), [layer], Upper(upper), terminal=True))
"""


@pytest.fixture
def layer(tmp_path: Path, busybox: bytes) -> str:
    """The unpacked root."""
    (unpacked,) = Roots(tmp_path, find_identity()).unpack([blob(tmp_path, busybox)])
    return unpacked


@pytest.fixture
def command(tmp_path: Path, layer: str) -> list[str]:
    """What runs a program in a sandbox that has our streams."""
    return [sys.executable, "-c", RUN, str(tmp_path), layer, "discarded"]


def test_streams_and_the_exit_code(command: list[str]) -> None:
    script = ["sh", "-c", "cat; echo told >&2; exit 7"]
    done = subprocess.run([*command, *script], input=b"\x00typed", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"\x00typed", b"told\n")


def test_a_program_that_is_killed(command: list[str]) -> None:
    assert subprocess.run([*command, "sh", "-c", "kill -9 $$"], check=False).returncode == 137


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(command: list[str], number: signal.Signals) -> None:
    trap = f"trap 'echo got; exit 3' {number.value}; echo up; while :; do sleep 0.1; done"
    with subprocess.Popen([*command, "sh", "-c", trap], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.stdout.read() == "got\n"
        assert process.wait() == 3


class Shell:
    """A shell in a sandbox on a terminal of its own."""

    def __init__(self, command: list[str]) -> None:
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            os.execv(command[0], [*command, "sh"])

    def type(self, text: str, until: str) -> str:
        """Type, and read until the terminal has shown something."""
        os.write(self._terminal, text.encode())
        shown = ""
        while until not in shown:
            shown += os.read(self._terminal, 4096).decode(errors="replace")
        return shown

    def end(self) -> int:
        """Type `exit 5`, and wait; returns the exit code."""
        os.write(self._terminal, b"exit 5\n")
        try:
            while os.read(self._terminal, 4096):
                pass
        except OSError:  # nobody has the other end any more
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@pytest.fixture
def shell(command: list[str]) -> Shell:
    return Shell(command)


def test_a_terminal(shell: Shell) -> None:
    shell.type("test -t 0 && echo $((40 + 2)) yes\n", "42 yes")
    # Told by the job itself: it has the terminal by then, and not the shell any more.
    shell.type("sh -c 'echo $((50 + 5)); exec sleep 1000'\n", "55")
    shell.type("\x03", "^C")  # ends the program, and leaves the shell alone
    shell.type("echo code $?\n", "code 130")
    assert shell.end() == 5


def test_a_root_that_cannot_be_written(tmp_path: Path, layer: str) -> None:
    lines: list[bytes] = []
    sandbox = Sandbox(tmp_path, find_identity())
    step = Step(("sh", "-c", "echo > /x; echo > /new/place/y; cat /new/place/y"))
    bind = Bind(tmp_path, "/new/place", readonly=False)
    changed = Step(step.argv, mounts=(bind,))
    assert sandbox.run(changed, [layer], Upper.READ_ONLY, Watch(lines.append)) == 0
    assert b"/x: Read-only file system" in b"".join(lines)
    assert (tmp_path / "y").read_text() == "\n"


def test_changes_that_are_discarded(tmp_path: Path, layer: str) -> None:
    changes: list[object] = []
    sandbox = Sandbox(tmp_path, find_identity())
    watch = Watch(change=lambda message, _: changes.append(message))
    assert sandbox.run(Step(("sh", "-c", "echo > /x; mkdir -p /y/z")), [layer], Upper.DISCARDED, watch) == 0
    assert changes == []
    assert list((tmp_path / "sandboxes").iterdir()) == []


def test_a_limit_of_processes(tmp_path: Path, layer: str) -> None:
    if os.geteuid() == 0:
        return  # the kernel does not count the processes of the host's root, whom this may be
    lines: list[bytes] = []
    script = "for n in $(seq 50); do sleep 1000 & done"
    step = Step(("sh", "-c", script), limits=Limits(processes=20))
    sandbox = Sandbox(tmp_path, find_identity())
    assert sandbox.run(step, [layer], Upper.DISCARDED, Watch(lines.append)) != 0
    assert b"can't fork" in b"".join(lines)


KILLED = """
import sys
from pathlib import Path
from tests.makers.roots import Machine, make_busybox
machine = Machine(Path(sys.argv[1]))
machine.recorder.emit = lambda event: print(event.line, flush=True)
machine.script([make_busybox()], "mkdir -p /d/e; touch /d/e/f; chmod 0 /d; echo up; sleep 1000")
"""


def test_a_command_that_is_killed_takes_its_step_along(tmp_path: Path, busybox: bytes) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        left = list((tmp_path / "sandboxes").iterdir())
        assert left
        process.kill()
        assert process.stdout.read() == ""  # until nobody has the other end of its output
    assert wait_for_nobody(left[0])
    Machine(tmp_path).script([busybox], "true")
    assert list((tmp_path / "sandboxes").iterdir()) == []


def wait_for_nobody(folder: Path) -> bool:
    """Wait until no process has a mount below a folder any more."""
    while True:
        tables = []
        for path in Path("/proc").glob("[0-9]*/mountinfo"):
            try:
                tables.append(path.read_text())
            except OSError:  # it has ended, or is another user's
                continue
        if not any(str(folder) in table for table in tables):
            return True
