"""The same steps in the sandbox and in a container of an engine: the same layers, to the bit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import pytest

from envbuild.core.errors import ArchiveError, BuildError
from envbuild.execute.docker.runner import DockerRunner
from envbuild.execute.sandbox.homes import prepare_homes
from envbuild.execute.steps import PLAIN, StepSettings
from envbuild.sources.engine import EngineError
from envbuild.store.interrupt import Interrupted
from tests.makers.roots import (
    Machine,
    list_layer,
    make_busybox,
    make_tools,
    read_attributes,
    require_sandbox,
)
from tests.makers.secrets import find_in_folder
from tests.makers.servers import leave_out
from tests.unit.execute.sandbox.test_capture import BEFORE, CASES
from tests.unit.execute.sandbox.test_groups import BOMB, GREEDY, LIMITS

pytestmark = pytest.mark.services

SOCKET = """perl -e 'socket($s, 1, 1, 0); bind($s, pack("Sa*", 1, "%s")) or die $!'"""  # AF_UNIX, SOCK_STREAM
SECRET = b"hunter2-in-a-container"


def container(cache: Path, engine: str, settings: StepSettings = PLAIN) -> Machine:
    """A machine whose steps are containers."""
    return Machine(
        cache,
        settings,
        lambda machine: DockerRunner(cache, machine.interrupt, engine),
    )


def left_in(engine: str) -> list[str]:
    """What an engine has, but for cache mounts."""
    found = []
    for kind in ("ps --all", "image ls --all", "volume ls"):
        command = ["docker", "--host", engine, *kind.split(), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found += [line for line in done.stdout.split() if not line.startswith("envbuild-cache-")]
    return found


@pytest.fixture(scope="module")
def busybox() -> bytes:
    require_sandbox()
    return make_busybox()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[tuple[Machine, Machine]]:
    folder = tmp_path_factory.mktemp("executors")
    yield Machine(folder / "sandbox"), container(folder / "docker", engine)
    assert left_in(engine) == []
    assert list((folder / "docker/docker").iterdir()) == []


def run_both(machines: tuple[Machine, Machine], layers: list[bytes], script: str, **stated: Any) -> bytes:
    """The layer that both make, and what they tell alike."""
    inside, outside = machines
    files = stated.pop("files", {})
    told = [len(inside.lines), len(outside.lines)]
    one = inside.script(layers, script, files=dict(files), **stated)
    other = outside.script(layers, script, files=dict(files), **stated)
    assert list_layer(other) == list_layer(one)
    assert other == one
    assert outside.lines[told[1] :] == inside.lines[told[0] :]
    return one


@pytest.fixture(scope="module")
def below(machines: tuple[Machine, Machine], busybox: bytes) -> list[bytes]:
    return [busybox, run_both(machines, [busybox], BEFORE)]


@pytest.mark.parametrize("script", [script for script, _ in CASES.values()], ids=CASES)
def test_changes(machines: tuple[Machine, Machine], below: list[bytes], script: str) -> None:
    run_both(machines, below, script)


OTHERS = {
    "owners": "chown 5:6 /file; chown -R 1000:1000 /d; chown -h 7 /link",
    "only a folder's owner": "chown 5:5 /d",
    "users and groups": "echo > /tmp/x; chmod 4711 /tmp/x",
    "nested": "rm -r /d/sub; mkdir /d/sub; echo > /d/sub/new; rm /d/one",
    "much": "for n in $(seq 300); do echo $n > /tmp/$n; done; dd if=/dev/zero of=/tmp/big bs=1M count=3 2>&-",
    "same size and time": "cp /file /tmp/f; echo OLD > /file; touch -r /tmp/f /file; rm /tmp/f",
}


# What a program may do to make who looks at its changes stumble.
HOSTILE = {
    "left running": "sleep 1000 & (sleep 1000 &); setsid sleep 1000 & echo > /x",
    "streams closed": "exec 0<&- 1>&- 2>&-; echo > /new",
    "everybody killed": "kill -9 1; kill -9 -1 || true; mount -o remount,rw / || true; echo > /x",
    "many names": """mkdir /h; echo > /h/a; perl -e 'for (1..10000) { link("/h/a", "/h/$_") or die $! }'""",
    "names of what is no file": "mkfifo /p; ln /p /q; ln -s x /l; ln /l /m; touch -h /link; touch /pipe",
    "holes": "dd if=/dev/zero of=/s bs=1 count=0 seek=30M 2>&-",
    "sockets": "; ".join(
        ["rm /file; mkdir /n", *(SOCKET % path for path in ("/new", "/file", "/n/socket", "/d/socket"))]
    ),
    "times that cannot be": "echo > /x; mkdir /y; touch -d '2300-01-01' /x /y; touch -d '1902-01-01' /file",
    "no permissions": "mkdir -p /p/q; echo > /p/q/f; chmod 0 /p/q/f /p/q /p /d /file",
    "marks over marks": "rm -r /d/sub; mkdir /d/sub; rm -r /d; mkdir -p /d/sub/in; echo > /d/sub/in/x",
    "there and back": (
        "rm /file; mkdir /file; rm -r /file; echo old > /file; mv /d /e; echo > /d; rm /d; mv /e /d; "
        "rm /link; mkdir /link; rmdir /link; ln -s file /link"
    ),
    "names": r"""cd /tmp; for n in 'a\b' 'a b' ' ' '*' a.b a-b a0 A; do mkdir "$n"; echo > "$n/f"; done; """
    r"""echo > "$(printf 'a\tb\r\033')"; echo > "$(printf 'e\314\201')"; echo > "$(printf '\303\251')" """,
    "long paths": """perl -e '$p = "/"; for (1..14) { $p .= "x" x 250 . "/"; mkdir $p or die $! }'""",
    "wide owners": "echo > /x; chown 4294967294:4294967294 /x; echo > /y; chown 3000000:65536 /y",
    "the root itself": "chmod 700 /; chown 5 /; echo > /x",
    "half of it": "rm -rf /tmp /root /d; echo > /root",
}


@pytest.fixture(scope="module")
def tools(busybox: bytes) -> bytes:
    return make_tools("perl", "setcap", "setfattr")


@pytest.mark.parametrize("script", HOSTILE.values(), ids=HOSTILE)
def test_hostile_steps(
    machines: tuple[Machine, Machine], below: list[bytes], tools: bytes, script: str
) -> None:
    run_both(machines, [*below, tools], script)


# The script, what is said of it, and by which error. An engine would leave most of it out in silence.
REFUSED = {
    "a mark": ("echo > /d/.wh.two", "`/d/.wh.two` has a name that means in layers"),
    "a mark of old": (
        "mkdir /.wh..wh.x; echo > /.wh..wh.x/y",
        "`/.wh..wh.x` has a name that means in layers",
    ),
    "no text": ("echo > $(printf 'a\\377b')", "is not Unicode text"),
    "no text to link to": ("ln -s $(printf 'a\\377b') /x", "is not Unicode text"),
    "a line feed": ("echo > \"$(printf 'a\\nb')\"", "is not a path that a layer may hold"),
    "too long": (
        "perl -e '$n = \"x\" x 250; for (1..20) { mkdir $n or die $!; chdir $n or die $! }'",
        "a path of more than 4095 bytes",
    ),
    "too deep": (
        'perl -e \'for (1..200) { mkdir "x" or die $!; chdir "x" or die $! }\'',
        "more than 128 folders deep",
    ),
}


@pytest.mark.parametrize(("script", "said"), REFUSED.values(), ids=REFUSED)
def test_what_no_layer_can_hold_is_refused(
    machines: tuple[Machine, Machine], below: list[bytes], tools: bytes, script: str, said: str
) -> None:
    told = []
    for machine in machines:
        with pytest.raises((ArchiveError, BuildError), match=re.escape(said)) as caught:
            machine.script([*below, tools], script)
        told.append((type(caught.value), caught.value.message))
    assert told[0] == told[1]
    assert list((machines[0].cache / "sandboxes").iterdir()) == []


CAPABLE = "setcap cap_net_raw+ep /file; setfattr -n user.note -v hi /file /d; "
# The script before, which makes a layer of its own, the script, and what has capabilities then.
ATTRIBUTES = {
    "given": ("true", f"{CAPABLE} echo > /x; setcap cap_chown+eip /x; chmod 600 /x", {"file", "x"}),
    "of a file with several names": ("true", f"{CAPABLE} ln /file /0; ln /file /z", {"0"}),
    "kept": (CAPABLE, "chmod 700 /file; ln /file /hard", {"file"}),
    "the same again": (CAPABLE, CAPABLE, set()),
    "other notes": (CAPABLE, "setfattr -n user.note -v other /file /d", set()),
    "taken away": (CAPABLE, "setcap -r /file; cp /file /copy", set()),
    "lost with the owner": (CAPABLE, "chown 1 /file; chown 0 /file", set()),
}


@pytest.mark.parametrize(("before", "script", "capable"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes(
    machines: tuple[Machine, Machine],
    below: list[bytes],
    tools: bytes,
    before: str,
    script: str,
    capable: set[str],
) -> None:
    root = [*below, tools]
    layer = run_both(machines, [*root, machines[0].script(root, before)], script)
    found = {path: set(read_attributes(layer, path)) for path in list_layer(layer)}
    assert {path for path, names in found.items() if names} == capable
    assert set().union(*found.values()) <= {"security.capability"}


@pytest.mark.parametrize("script", OTHERS.values(), ids=OTHERS)
def test_other_changes(machines: tuple[Machine, Machine], below: list[bytes], script: str) -> None:
    run_both(machines, below, script)


def test_what_an_engine_refuses_is_no_fault_of_the_disk(tmp_path: Path, engine: str, busybox: bytes) -> None:
    with pytest.raises(EngineError, match="the Docker engine refused"):
        container(tmp_path, engine).script([busybox], "true", environment={"": "x"})


def test_what_a_step_finds(machines: tuple[Machine, Machine], busybox: bytes) -> None:
    script = (
        "env | sort | grep -v SHLVL; pwd; id -u; id -g; hostname; cat /etc/hostname; umask; ls /sys/class/net"
    )
    stated = {"environment": {"A": "1 2", "B": ""}, "workdir": "/app/src", "user": "app"}
    run_both(machines, [busybox], script, **stated)


def test_mounts(machines: tuple[Machine, Machine], below: list[bytes]) -> None:
    bound = {"type": "bind", "target": "/context", "source": "", "readonly": True}
    single = {"type": "bind", "target": "/etc/one", "source": "b", "readonly": True}
    items = [{"path": "a/run.sh", "file": 0, "mode": 0o755}, {"path": "b", "file": 1, "mode": 0o644}]
    owner = {"mode": 0o750, "uid": 3, "gid": 4}
    mounts = [
        {**bound, "items": items},
        {**single, "items": items},
        {"type": "bind", "target": "/stage", "source": "d", "readonly": True},
        {"type": "tmpfs", "target": "/scratch/deep", "size": 0},
        {"type": "file", "target": "/dev/pipes/EOF", "text": "#!/bin/sh\necho script\n", "mode": 0o755},
        {"type": "cache", "target": "/cache", "id": "c", "sharing": "locked", **owner},
    ]
    data = {"files/00000": b"#!/bin/sh\necho it runs\n", "files/00001": b"bound\n"}
    files = {f"mounts/{n}/{path}": value for n in (0, 1) for path, value in data.items()}
    files |= {f"mounts/2/root/{n:03}": layer for n, layer in enumerate(below)}
    script = (
        "/context/a/run.sh; cat /etc/one; cat /stage/one; echo > /scratch/deep/x; /dev/pipes/EOF; "
        "stat -c '%a %u %g' /cache; cat /cache/x; echo kept > /cache/x; mkdir /made"
    )
    for _ in range(2):  # what the first left in the cache, the second finds
        with_cache = script.replace("cat /cache/x", "cat /cache/x 2>&- || true")
        layer = run_both(machines, below, with_cache, mounts=mounts, files=files)
    assert list_layer(layer) == {"made": "dir 755 0:0"}
    assert machines[1].lines[-1] == "kept"


def test_secrets_are_in_nothing(tmp_path: Path, engine: str, busybox: bytes) -> None:
    machine = container(tmp_path, engine, StepSettings(secrets={"token": lambda: SECRET}))
    secret = {"type": "secret", "id": "token", "required": True, "mode": 0o400, "uid": 0, "gid": 0}
    mounts = [
        {**secret, "target": "/run/secrets/token", "env": ""},
        {**secret, "target": "", "env": "TOKEN"},
    ]
    script = 'cat /run/secrets/token; echo; echo "$TOKEN"; stat -c %a /run/secrets/token; echo > /new'
    layer = machine.script([busybox], script, mounts=mounts)
    assert machine.lines == ["***", "***", "400"]
    assert list_layer(layer) == {"new": "file 644 0:0 '\\n'"}
    assert find_in_folder(tmp_path, [SECRET.decode()]) == []
    assert left_in(engine) == []


def test_a_step_that_fails(tmp_path: Path, engine: str, busybox: bytes) -> None:
    machine = container(tmp_path, engine, StepSettings(keep_failed=True))
    with pytest.raises(BuildError, match="ended with exit code 3") as caught:
        machine.script([busybox], "echo said; echo x > /changed; exit 3")
    assert "\n  said" in caught.value.message
    (kept,) = (tmp_path / "failed").glob("*/changes.tar.gz")
    assert str(kept) in caught.value.hint
    assert list_layer(kept.read_bytes()) == {"changed": "file 644 0:0 'x\\n'"}
    with pytest.raises(BuildError, match="the step cannot begin: "):
        machine.run([busybox], "no-such-program")
    with pytest.raises(BuildError, match="the step cannot begin: "):
        machine.run([busybox], "true", user="nobody")
    assert left_in(engine) == []


def test_a_step_is_not_told_of_the_engines_network(tmp_path: Path, engine: str, busybox: bytes) -> None:
    script = "grep -v '^#' /etc/resolv.conf"
    told = container(tmp_path, engine).tell([busybox], script)
    assert told == ["nameserver 127.0.0.1", "options ndots:1"]


def test_devices_cannot_be_made(tmp_path: Path, engine: str, busybox: bytes) -> None:
    with pytest.raises(BuildError, match="not permitted"):
        container(tmp_path, engine).script([busybox], "mknod /null c 1 3")


# The script, and what both say of it under the limits below.
LIMITED = {
    "one process": (
        "dd if=/dev/zero of=/dev/null bs=100M count=1",
        "exit code 137 (killed: out of memory, of",
    ),
    "all together": (
        GREEDY,
        "exit code 1 (killed: out of memory, of which the step may have 50,000,000 bytes)",
    ),
    "files in memory": ("head -c 60000000 /dev/zero > /dev/shm/x; false", "(killed: out of memory, of which"),
    "too many processes": (BOMB, "sh: can't fork: Resource temporarily unavailable"),
    "doubling": ("f() { f | f & }; f; sleep 1; false", "can't fork: Resource temporarily unavailable"),
}


@pytest.fixture(scope="module")
def limited(engine: str) -> Iterator[tuple[Machine, Machine]]:
    """On a disk: where /tmp is in memory, so is what a step writes, and its limit holds for that."""
    if prepare_homes() is None:
        leave_out("the kernel lets nobody make control groups here")
    folder, settings = Path(mkdtemp(dir="/var/tmp")), StepSettings(limits=LIMITS)
    yield Machine(folder / "sandbox", settings), container(folder / "docker", engine, settings)
    rmtree(folder)


@pytest.mark.parametrize(("script", "said"), LIMITED.values(), ids=LIMITED)
def test_limits(limited: tuple[Machine, Machine], busybox: bytes, script: str, said: str) -> None:
    for machine in limited:
        with pytest.raises(BuildError, match=re.escape(said)):
            machine.script([busybox], script)


def test_files_are_no_memory(limited: tuple[Machine, Machine], busybox: bytes) -> None:
    run_both(limited, [busybox], "head -c 100000000 /dev/zero > /x; rm /x; echo > /new")


def test_a_time_limit(tmp_path: Path, engine: str, busybox: bytes) -> None:
    machine = container(tmp_path, engine, StepSettings(seconds=2))
    for script in ("sleep 1000", "exec 1>&- 2>&-; sleep 1000", "yes"):
        with pytest.raises(BuildError, match="longer than its limit of 2 s"):
            machine.script([busybox], script)
    assert left_in(engine) == []


def test_an_interrupt_leaves_nothing(tmp_path: Path, engine: str, busybox: bytes) -> None:
    machine = container(tmp_path, engine)
    machine.recorder.emit = lambda event: machine.interrupt.set()  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        machine.script([busybox], "echo up; sleep 1000")
    assert left_in(engine) == []
    assert list((tmp_path / "docker").iterdir()) == []
