"""What a program finds in the sandbox, and what it cannot reach."""

from __future__ import annotations

import re
import signal
import threading
from pathlib import Path

import pytest

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.sandbox import Limits
from envbuild.execute.steps import StepSettings
from envbuild.store.interrupt import Interrupted
from tests.makers.roots import Machine, list_layer

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def test_the_environment_is_what_is_stated(
    machine: Machine, busybox: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKER", "of the host")
    stated = {"A": "1 2", "B": ""}
    machine.run([busybox], "env", environment=stated)
    assert sorted(machine.lines[-4:]) == ["A=1 2", "B=", "HOME=/root", f"PATH={DEFAULT_PATH}"]
    machine.run([busybox], "/bin/env", environment={"PATH": "/x", "HOME": "/y"})
    assert sorted(machine.lines[-2:]) == ["HOME=/y", "PATH=/x"]


def test_the_program_is_found_by_the_stated_path(machine: Machine, busybox: bytes) -> None:
    prepared = machine.script([busybox], "mkdir /tools; cp /bin/busybox /tools/uname")
    environment = {"PATH": "/nowhere:/tools"}
    assert machine.run([busybox, prepared], "uname", environment=environment)
    with pytest.raises(BuildError, match=r"exit code 127[^$]*`uname` is not there"):
        machine.run([busybox, prepared], "uname")


def test_what_cannot_be_executed(machine: Machine, busybox: bytes) -> None:
    with pytest.raises(
        BuildError, match=r"exit code 126[^$]*`/etc/passwd` cannot be executed: Permission denied"
    ):
        machine.run([busybox], "/etc/passwd")
    prepared = machine.script([busybox], "printf '#!/no/shell' > /run; chmod 755 /run")
    with pytest.raises(BuildError, match=r"exit code 127[^$]*`/run` is not there, or the interpreter"):
        machine.run([busybox, prepared], "/run")


def test_the_host_is_not_there(machine: Machine, busybox: bytes) -> None:
    lines = machine.tell(
        [busybox], "hostname; cat /etc/hostname; ls /; echo $$; ls -d /proc/[0-9]*; ls /sys/firmware"
    )
    assert lines == [
        "envbuild",
        "envbuild",
        "bin",
        "dev",
        "etc",
        "proc",
        "root",
        "sys",
        "tmp",
        "2",
        "/proc/1",
        "/proc/2",
    ]


def test_no_network_but_loopback(machine: Machine, busybox: bytes) -> None:
    lines = machine.tell(
        [busybox], "ls /sys/class/net; ip addr show lo | grep -c 127.0.0.1; wc -c < /etc/resolv.conf"
    )
    assert lines == ["lo", "1", "0"]
    with pytest.raises(BuildError, match="unreachable"):
        machine.script([busybox], "nc -w 1 192.0.2.1 9")


def test_with_network_the_hosts_is_there(machine: Machine, busybox: bytes) -> None:
    lines = machine.tell([busybox], "ip -o link | wc -l; cat /etc/resolv.conf; ls /sys | wc -l", network=True)
    assert int(lines[0]) == len(list(Path("/sys/class/net").iterdir()))
    assert lines[1:-1] == Path("/etc/resolv.conf").read_text().splitlines()
    assert int(lines[-1]) > 5


@pytest.mark.parametrize(
    "path", ["/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/proc/sys/kernel/hostname", "/sys/x"]
)
def test_what_is_ours_cannot_be_written(machine: Machine, busybox: bytes, path: str) -> None:
    with pytest.raises(BuildError, match=r"Read-only|Permission denied"):
        machine.script([busybox], f"echo x > {path}")


@pytest.mark.parametrize(
    "script",
    [
        "mount -t tmpfs none /tmp",
        "umount /etc/hosts",
        "hostname other",
        "ip link set lo down",
        "mount -o remount,rw /sys",
    ],
)
def test_a_step_cannot_change_its_sandbox(machine: Machine, busybox: bytes, script: str) -> None:
    with pytest.raises(BuildError, match=r"denied|not permitted"):
        machine.script([busybox], script)


def test_capabilities_are_those_of_docker_but_for_devices(machine: Machine, busybox: bytes) -> None:
    script = "grep -E 'Cap|NoNewPrivs' /proc/self/status | tr -d '\t'"
    kept = "00000000800425fb"
    assert machine.tell([busybox], script) == [
        "CapInh:0000000000000000",
        f"CapPrm:{kept}",
        f"CapEff:{kept}",
        f"CapBnd:{kept}",
        "CapAmb:0000000000000000",
        "NoNewPrivs:0",
    ]


def test_devices(machine: Machine, busybox: bytes) -> None:
    script = (
        "cd /dev; echo x > null; head -c 3 zero | wc -c; head -c 3 urandom | wc -c; "
        "echo x > full || echo full; ls; readlink fd; readlink stdin; readlink ptmx; "
        "echo x > shm/x; ls pts; cat < /dev/stdin | wc -c"
    )
    lines = machine.tell([busybox], script)
    assert lines[:2] == ["3", "3"]
    assert "full" in lines[2:4]
    assert lines[4:-5] == sorted(
        [
            "core",
            "fd",
            "full",
            "mqueue",
            "null",
            "ptmx",
            "pts",
            "random",
            "shm",
            "stderr",
            "stdin",
            "stdout",
            "tty",
            "urandom",
            "zero",
        ]
    )
    assert lines[-5:] == ["/proc/self/fd", "/proc/self/fd/0", "pts/ptmx", "ptmx", "0"]


def test_nothing_is_left_running_or_open(machine: Machine, busybox: bytes) -> None:
    # The pipe of its output ends only when nobody has it any more.
    machine.script([busybox], "sleep 1000 & (sleep 1000 &) ; ls /proc/self/fd > /fds; cat /fds")
    assert machine.lines[-4:] == ["0", "1", "2", "3"]  # the last is ls's own


@pytest.mark.parametrize("script", ["cat /proc/1/environ", "ls /proc/1/root/", "head -c 1 /proc/1/mem"])
def test_the_first_process_cannot_be_looked_into(machine: Machine, busybox: bytes, script: str) -> None:
    with pytest.raises(BuildError, match=r"Permission denied|not permitted"):
        machine.script([busybox], script)


def test_the_first_process_has_no_way_to_the_host(machine: Machine, busybox: bytes) -> None:
    told = machine.tell([busybox], "ls /proc/1/fd 2>&1 || true; readlink /proc/1/fd/0 || true")
    assert told in (["0", "1", "2"], ["ls: can't open '/proc/1/fd': Permission denied"])


def test_signals_have_their_usual_meaning(machine: Machine, busybox: bytes) -> None:
    # Python ignores SIGPIPE, who is started by nohup SIGHUP, and what is ignored is inherited.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        (line,) = machine.tell([busybox], "grep SigIgn /proc/self/status | cat")
    finally:
        signal.signal(signal.SIGHUP, before)
    c_librarys_own = 1 << 31 | 1 << 32
    assert int(line.split()[1], 16) & ~c_librarys_own == 0
    with pytest.raises(BuildError, match=r"exit code 143 \(signal 15\)"):
        machine.script([busybox], "kill $$")


def test_the_working_folder_is_made(machine: Machine, busybox: bytes) -> None:
    layer = machine.run([busybox], "sh", "-c", "pwd; echo > x", workdir="/app/src")
    assert machine.lines[-1] == "/app/src"
    assert list_layer(layer) == {
        "app/src/x": "file 644 0:0 '\\n'",
        "app": "dir 755 0:0",
        "app/src": "dir 755 0:0",
    }
    with pytest.raises(
        BuildError, match="the working folder `/etc/passwd/x` cannot be made: Not a directory"
    ):
        machine.run([busybox], "true", workdir="/etc/passwd/x")


def test_the_working_folder_may_be_a_link(machine: Machine, busybox: bytes) -> None:
    prepared = machine.script([busybox], "ln -s /tmp /work")
    assert list_layer(machine.run([busybox, prepared], "sh", "-c", "echo > x", workdir="/work"))["tmp/x"]


USERS = {
    "": "uid=0(root) gid=0(root) /root",
    "root": "uid=0(root) gid=0(root) /root",
    "0": "uid=0(root) gid=0(root) /root",
    "app": "uid=1000(app) gid=1000(app) groups=1000(app),2000(extra) /home/app",
    "1000": "uid=1000(app) gid=1000(app) groups=1000(app),2000(extra) /home/app",
    "app:extra": "uid=1000(app) gid=2000(extra) groups=2000(extra) /home/app",
    "1000:1000": "uid=1000(app) gid=1000(app) groups=1000(app) /home/app",
    "1234:5678": "uid=1234 gid=5678 groups=5678 /",
    "1234": "uid=1234 gid=0(root) groups=0(root) /",
}


@pytest.mark.parametrize(("user", "known"), USERS.items())
def test_users(machine: Machine, busybox: bytes, user: str, known: str) -> None:
    argv = ("sh", "-c", 'echo "$(id) $HOME"; grep CapEff /proc/self/status')
    if machine.identity.single and "uid=0" not in known:
        with pytest.raises(BuildError, match=f"user `{user}` has the .id .* not mapped") as caught:
            machine.run([busybox], *argv, user=user)
        assert "sub-ids: `echo " in caught.value.hint
        return
    machine.run([busybox], *argv, user=user)
    told = re.sub(r" groups=\S+(?= /root)", "", machine.lines[-2])
    assert told == known
    assert machine.lines[-1].endswith("0" * 16) == ("uid=0" not in known)


@pytest.mark.parametrize("user", ["nobody", "root:staff", "app:-1"])
def test_users_that_the_image_lacks(machine: Machine, busybox: bytes, user: str) -> None:
    with pytest.raises(BuildError, match=r"the image has no (user|group)"):
        machine.run([busybox], "true", user=user)


def test_setuid_programs_work(machine: Machine, busybox: bytes) -> None:
    if machine.identity.single:
        return  # nobody else is there to become root
    # busybox gives setuid up under most of its names; root's password is empty.
    prepared = machine.script(
        [busybox],
        "rm /bin/su; cp /bin/busybox /bin/su; chmod 4755 /bin/su; sed -i s/root:x/root:/ /etc/passwd",
    )
    machine.run([busybox, prepared], "su", "-c", "id -u", user="app")
    assert machine.lines[-1] == "0"


def test_a_step_that_fails_tells_its_last_lines_and_keeps_them_all(machine: Machine, busybox: bytes) -> None:
    with pytest.raises(BuildError) as caught:
        machine.script([busybox], "for i in $(seq 30); do echo line $i; done; printf 'the end'; exit 3")
    text = caught.value.message
    assert "ended with exit code 3\n" in text
    assert "line 12\n" in text
    assert "line 10\n" not in text
    assert text.endswith("the end")
    log = re.search(r"all it wrote is in `(.*)`", caught.value.hint)
    assert log is not None
    assert Path(log[1]).read_text().splitlines()[:2] == ["line 1", "line 2"]


def test_a_failed_step_leaves_nothing_but_its_log(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path)
    with pytest.raises(BuildError):
        machine.script([busybox], "mkdir -p /a/b; echo > /a/b/c; chmod 0 /a; exit 1")
    assert list((tmp_path / "sandboxes").iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_a_failed_step_changed_can_be_kept(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path, StepSettings(keep_failed=True))
    for text in ("first", "second"):
        with pytest.raises(BuildError, match="what it had changed is in"):
            machine.script([busybox], f"echo {text} > /new; exit 1 # the same action twice")
    kept = [path.read_text() for path in (tmp_path / "failed").glob("*/new")]
    assert sorted(kept) == ["first\n", "second\n"]


def test_a_time_limit(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path, StepSettings(seconds=0.5))
    with pytest.raises(BuildError, match=r"longer than its limit of 0.5 s") as caught:
        machine.script([busybox], "sleep 1000")
    assert caught.value.hint.startswith("let it take longer with `--step-timeout`; all it wrote is in `")
    assert list((tmp_path / "sandboxes").iterdir()) == []


def test_a_memory_limit(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path, StepSettings(limits=Limits(memory=50_000_000)))
    machine.script([busybox], "dd if=/dev/zero of=/dev/null bs=1M count=1")
    with pytest.raises(BuildError, match=r"out of memory|can't alloc"):
        machine.script([busybox], "dd if=/dev/zero of=/dev/null bs=100M count=1")


def test_an_interrupt_ends_the_step_and_cleans_up(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path)
    seen = threading.Event()
    machine.recorder.emit = lambda event: seen.set()  # type: ignore[method-assign]
    failures: list[BaseException] = []

    def run() -> None:
        try:
            machine.script([busybox], "echo > /new; echo up; sleep 1000")
        except Interrupted as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert seen.wait(60)
    machine.interrupt.set()
    thread.join(60)
    assert not thread.is_alive()
    assert len(failures) == 1
    assert list((tmp_path / "sandboxes").iterdir()) == []


def test_output_is_told_as_it_comes_with_its_action(machine: Machine, busybox: bytes) -> None:
    machine.script([busybox], "echo one; echo two >&2; printf '10%%\\r20%%\\r\\n'; printf '\\377 half'")
    assert machine.lines[-4:] == ["one", "two", "20%", "\ufffd half"]


def test_a_layer_that_is_there_twice(machine: Machine, busybox: bytes) -> None:
    """Steps that change nothing have one layer, and so has what is copied again."""
    nothing = machine.script([busybox], "true")
    copied = machine.script([busybox], "mkdir /a; echo 1 > /a/b; rm /etc/group")
    changed = machine.script([busybox, copied], "rm /a/b; echo 2 > /a/c; echo g > /etc/group")
    below = [busybox, nothing, copied, nothing, changed, nothing, copied]
    lines = machine.tell(below, "cat /a/*; ls /etc")
    assert lines == ["1", "2", "hostname", "hosts", "passwd", "resolv.conf"]
