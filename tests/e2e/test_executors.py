"""The same steps in the sandbox and in a container of an engine: the same layers, to the bit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envbuild.core.errors import BuildError
from envbuild.execute.docker.runner import DockerRunner
from envbuild.execute.sandbox.sandbox import Limits
from envbuild.execute.steps import PLAIN, StepSettings
from envbuild.store.interrupt import Interrupted
from tests.makers.roots import Machine, list_layer, make_busybox, require_sandbox
from tests.makers.secrets import find_in_folder
from tests.unit.execute.sandbox.test_capture import BEFORE, CASES

pytestmark = pytest.mark.services

SECRET = b"hunter2-in-a-container"


def container(cache: Path, engine: str, settings: StepSettings = PLAIN) -> Machine:
    """A machine whose steps are containers."""
    return Machine(
        cache,
        settings,
        lambda machine: DockerRunner(cache, machine.recorder, machine.interrupt, engine),
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


@pytest.mark.parametrize("script", OTHERS.values(), ids=OTHERS)
def test_other_changes(machines: tuple[Machine, Machine], below: list[bytes], script: str) -> None:
    run_both(machines, below, script)


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


def test_devices_cannot_be_made(tmp_path: Path, engine: str, busybox: bytes) -> None:
    with pytest.raises(BuildError, match="not permitted"):
        container(tmp_path, engine).script([busybox], "mknod /null c 1 3")


def test_limits(tmp_path: Path, engine: str, busybox: bytes) -> None:
    settings = StepSettings(limits=Limits(memory=50_000_000), seconds=2)
    machine = container(tmp_path, engine, settings)
    with pytest.raises(BuildError, match=r"exit code 137 .killed: out of memory"):
        machine.script([busybox], "dd if=/dev/zero of=/dev/null bs=100M count=1")
    with pytest.raises(BuildError, match="longer than its limit of 2 seconds"):
        machine.script([busybox], "sleep 1000")
    assert left_in(engine) == []


def test_an_interrupt_leaves_nothing(tmp_path: Path, engine: str, busybox: bytes) -> None:
    machine = container(tmp_path, engine)
    machine.recorder.emit = lambda event: machine.interrupt.set()  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        machine.script([busybox], "echo up; sleep 1000")
    assert left_in(engine) == []
    assert list((tmp_path / "docker").iterdir()) == []
