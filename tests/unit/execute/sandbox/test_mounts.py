"""Mounts of a step: what they show, and that nothing of them is in its layer."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from envbuild.archive.layer import LayerWriter
from envbuild.core.errors import BuildError, UsageError
from envbuild.execute.steps import StepSettings
from tests.makers.roots import Machine, list_layer

SECRET = b"hunter2-of-the-test\n"


def bind(files: Mapping[str, int], **changes: Any) -> dict[str, Any]:
    stated = {"type": "bind", "target": "/context", "source": "", "readonly": True}
    items = [{"path": path, "file": n, "mode": mode} for n, (path, mode) in enumerate(files.items())]
    return {**stated, "items": items, **changes}


def cache(**changes: Any) -> dict[str, Any]:
    stated = {"type": "cache", "target": "/cache", "id": "c", "sharing": "shared"}
    return {**stated, "mode": 0o755, "uid": 0, "gid": 0, **changes}


def secret(**changes: Any) -> dict[str, Any]:
    stated = {"type": "secret", "target": "/run/secrets/token", "id": "token", "required": True, "env": ""}
    return {**stated, "mode": 0o400, "uid": 0, "gid": 0, **changes}


@pytest.fixture
def trusted(tmp_path: Path) -> Machine:
    """A machine that knows a secret."""
    return Machine(tmp_path, StepSettings(secrets={"token": lambda: SECRET}))


def test_files_of_the_context(machine: Machine, busybox: bytes) -> None:
    mount = bind({"a/run.sh": 0o755, "b": 0o644})
    files = {"mounts/0/files/00000": b"#!/bin/sh\necho it runs\n", "mounts/0/files/00001": b"b"}
    script = "cd /context; a/run.sh; stat -c '%a %u %Y %n' /context /context/a /context/a/run.sh b; cat b"
    layer = machine.script([busybox], script, mounts=[mount], files=files)
    assert machine.lines[-6:] == [
        "it runs",
        "755 0 315532800 /context",
        "755 0 315532800 /context/a",
        "755 0 315532800 /context/a/run.sh",
        "644 0 315532800 b",
        "b",
    ]
    assert list_layer(layer) == {}


@pytest.mark.parametrize(
    ("source", "listed"), [("a", "run.sh"), ("/a/", "run.sh"), ("./a/run.sh", "/context")]
)
def test_a_part_of_the_context(machine: Machine, busybox: bytes, source: str, listed: str) -> None:
    mount = bind({"a/run.sh": 0o755, "b": 0o644}, source=source)
    files = {"mounts/0/files/00000": b"x", "mounts/0/files/00001": b"b"}
    assert machine.tell([busybox], "ls /context", mounts=[mount], files=files) == [listed]


def test_files_of_the_context_are_not_the_stores_own(machine: Machine, busybox: bytes) -> None:
    files = {"mounts/0/files/00000": b"b"}
    readonly, writable = bind({"b": 0o644}), bind({"b": 0o644}, readonly=False)
    with pytest.raises(BuildError, match="Read-only"):
        machine.script([busybox], "echo x > /context/b", mounts=[readonly], files=files)
    layer = machine.script(
        [busybox], "echo x > /context/b; echo > /context/new", mounts=[writable], files=files
    )
    assert list_layer(layer) == {}
    assert machine.tell([busybox], "ls /context; cat /context/b", mounts=[writable], files=files) == [
        "b",
        "b",
    ]


def test_folders_and_links_of_the_context(machine: Machine, busybox: bytes) -> None:
    links = [{"path": "a/way", "target": "../b"}, {"path": "out", "target": "/etc/passwd"}]
    mount = bind({"b": 0o644})
    mount["items"] += [{"path": "a"}, {"path": "empty/below"}, *links]
    script = "cd /context; cat a/way; ls -R empty; readlink out; stat -c %Y a/way; head -n 1 out"
    lines = machine.tell([busybox], script, mounts=[mount], files={"mounts/0/files/00000": b"b\n"})
    # What a link leads to is the image's own, never the machine's.
    assert lines == [
        "b",
        "empty:",
        "below",
        "",
        "empty/below:",
        "/etc/passwd",
        "315532800",
        "root:x:0:0:root:/root:/bin/sh",
    ]


def test_a_script_in_a_file_runs_and_other_files_do_not(machine: Machine, busybox: bytes) -> None:
    script = {"type": "file", "target": "/dev/pipes/EOF", "text": "#!/bin/sh\necho it runs\n", "mode": 0o755}
    machine.run([busybox], "/dev/pipes/EOF", mounts=[script])
    assert machine.lines[-1] == "it runs"
    with pytest.raises(BuildError, match="Permission denied"):
        machine.run([busybox], "/dev/pipes/EOF", mounts=[{**script, "mode": 0o644}])


@pytest.mark.parametrize("source", ["missing", "../..", "a/../../x"])
def test_what_is_not_in_the_context(machine: Machine, busybox: bytes, source: str) -> None:
    mount = bind({"a": 0o644}, source=source)
    with pytest.raises(BuildError, match="the build context"):
        machine.script([busybox], "true", mounts=[mount], files={"mounts/0/files/00000": b"b"})


def test_another_root(machine: Machine, busybox: bytes) -> None:
    stage = machine.script(
        [busybox], "mkdir -p /out/d; echo built > /out/d/x; ln -s /out/d /way; ln -s / /top"
    )
    files = {"mounts/0/root/000": busybox, "mounts/0/root/001": stage}
    mount = {"type": "bind", "target": "/from", "source": "", "readonly": True}
    for source, path in [("/out", "d/x"), ("way", "x"), ("top/../../way", "x"), ("", "out/d/x")]:
        stated = [{**mount, "source": source}]
        layer = machine.script([busybox], f"cat /from/{path}", mounts=stated, files=files)
        assert machine.lines[-1] == "built"
        assert list_layer(layer) == {}
    layer = machine.script(
        [busybox], "cat /from/b*/cat > /dev/null; ls -d /from/etc", mounts=[mount], files=files
    )
    with pytest.raises(BuildError, match="nothing at `/no` to mount at `/from`"):
        machine.script([busybox], "true", mounts=[{**mount, "source": "/no"}], files=files)
    with pytest.raises(BuildError, match="Read-only"):
        machine.script([busybox], "echo > /from/x", mounts=[mount], files=files)
    writable = [{**mount, "readonly": False}]
    assert list_layer(machine.script([busybox], "rm -r /from/out", mounts=writable, files=files)) == {}
    assert machine.tell([busybox], "ls /from/out", mounts=[mount], files=files) == ["d"]


def test_a_cache_stays_and_is_in_no_layer(machine: Machine, busybox: bytes) -> None:
    mount = cache(id="stays", target="/var/cache/x", mode=0o711)
    layer = machine.script(
        [busybox], "stat -c %a /var/cache/x; echo kept > /var/cache/x/file", mounts=[mount]
    )
    assert machine.lines[-1] == "711"
    assert list_layer(layer) == {}
    assert machine.tell([busybox], "cat /var/cache/x/file", mounts=[mount]) == ["kept"]
    other = cache(id="other", target="/var/cache/x")
    assert machine.tell([busybox], "ls /var/cache/x", mounts=[other]) == []


def run_two(machine: Machine, busybox: bytes, sharing: str) -> list[str]:
    """Two steps at once with one cache: each tells how many are in it."""
    mount = cache(id=sharing, sharing=sharing)
    script = "echo > /cache/$N; sleep 1; ls /cache | wc -l; rm /cache/$N"
    run: Callable[[str], bytes] = lambda n: machine.script(  # noqa: E731
        [busybox], script, mounts=[mount], environment={"N": n}
    )
    before = len(machine.lines)
    threads = [threading.Thread(target=run, args=[n]) for n in "12"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return machine.lines[before:]


@pytest.mark.parametrize("sharing", ["private", "locked"])
def test_caches_that_are_not_shared(machine: Machine, busybox: bytes, sharing: str) -> None:
    assert run_two(machine, busybox, sharing) == ["1", "1"]


def test_memory(machine: Machine, busybox: bytes) -> None:
    mount = {"type": "tmpfs", "target": "/scratch/x", "size": 65536}
    script = (
        "echo > /scratch/x/y; stat -c %a /scratch/x; head -c 1000000 /dev/zero > /scratch/x/big || echo full"
    )
    layer = machine.script([busybox], script, mounts=[mount])
    assert machine.lines[-3] == "1777"
    assert machine.lines[-1] == "full"
    assert list_layer(layer) == {}


def test_a_mount_below_another(machine: Machine, busybox: bytes) -> None:
    mounts = [bind({"b": 0o644}, target="/s/t/context"), {"type": "tmpfs", "target": "/s", "size": 0}]
    files = {"mounts/0/files/00000": b"b"}
    assert machine.tell([busybox], "ls /s /s/t/context", mounts=mounts, files=files)[-1] == "b"


def test_places_for_mounts_are_a_change_where_something_is_put_beside(
    machine: Machine, busybox: bytes
) -> None:
    mount = {"type": "tmpfs", "target": "/place/for/x", "size": 0}
    layer = machine.script(
        [busybox], "echo > /place/y; mkdir /place/for/z; echo > /place/for/x/lost", mounts=[mount]
    )
    assert list_layer(layer) == {
        "place/for/z": "dir 755 0:0",
        "place/y": "file 644 0:0 '\\n'",
        "place": "dir 755 0:0",
        "place/for": "dir 755 0:0",
    }


def test_links_in_the_image_are_followed_within_it(machine: Machine, busybox: bytes) -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.symlink("way", "/real")
    writer.symlink("etc/hosts", "../run/resolve/hosts")  # as systemd's resolver has it, leading nowhere
    writer.directory("etc")
    writer.directory("real")
    writer.finish()
    mount = {"type": "tmpfs", "target": "/way/x", "size": 0}
    layer = machine.script([busybox, out.getvalue()], "echo > /real/x/y; cat /etc/hosts", mounts=[mount])
    assert machine.lines[-2].startswith("127.0.0.1")
    assert list_layer(layer) == {}


def test_what_cannot_be_mounted(machine: Machine, busybox: bytes) -> None:
    file, folder = {"type": "tmpfs", "target": "/etc/passwd/x", "size": 0}, secret(target="/etc")
    with pytest.raises(BuildError, match="`/etc/passwd/x` cannot be a folder in the image"):
        machine.script([busybox], "true", mounts=[file])
    trusting = Machine(machine.cache, StepSettings(secrets={"token": lambda: SECRET}))
    with pytest.raises(BuildError, match="`/etc` is a folder in the image"):
        trusting.script([busybox], "true", mounts=[folder])


def test_a_secret_is_there_and_nowhere_else(trusted: Machine, busybox: bytes) -> None:
    script = "cd /run/secrets; stat -c '%a %u' token; wc -c < token; cat token; cat token >&2"
    layer = trusted.script([busybox], script, mounts=[secret()])
    assert trusted.lines == ["400 0", str(len(SECRET)), "***", "***"]
    assert list_layer(layer) == {}
    everything = b"".join(path.read_bytes() for path in trusted.cache.rglob("*") if path.is_file())
    assert SECRET.strip() not in everything


def test_a_secret_larger_than_any_packet(tmp_path: Path, busybox: bytes) -> None:
    machine = Machine(tmp_path, StepSettings(secrets={"token": lambda: bytes(5_000_000)}))
    machine.script(
        [busybox], "wc -c < /run/secrets/token", mounts=[secret()], environment={"A": "x" * 100_000}
    )
    assert machine.lines == ["5000000"]


def test_a_secret_as_a_variable(trusted: Machine, busybox: bytes) -> None:
    trusted.script(
        [busybox], "env | grep -c TOKEN=hunter2; ls /run 2>&1 || true", mounts=[secret(env="TOKEN")]
    )
    assert trusted.lines == ["1", "ls: /run: No such file or directory"]


def test_a_secret_in_the_error_of_a_step(trusted: Machine, busybox: bytes) -> None:
    with pytest.raises(BuildError) as caught:
        trusted.script([busybox], "printf %s $(cat /run/secrets/token); exit 1", mounts=[secret()])
    assert "hunter2" not in str(caught.value)
    assert caught.value.message.endswith("***")


def test_a_secret_that_nobody_gave(machine: Machine, busybox: bytes) -> None:
    with pytest.raises(UsageError, match="the secret `token` is not given"):
        machine.script([busybox], "true", mounts=[secret()])
    machine.script([busybox], "test ! -e /run/secrets/token", mounts=[secret(required=False)])


def test_owners_of_what_is_mounted(trusted: Machine, busybox: bytes) -> None:
    mounts = [secret(uid=1000, gid=2000, mode=0o440), cache(uid=1000, gid=1000)]
    if trusted.identity.single:
        with pytest.raises(BuildError, match="Invalid argument"):
            trusted.script([busybox], "true", mounts=mounts)
        return
    trusted.script([busybox], "stat -c '%a %u:%g' /run/secrets/token /cache", mounts=mounts)
    assert trusted.lines == ["440 1000:2000", "755 1000:1000"]
    trusted.run([busybox], "sh", "-ec", "cat /run/secrets/token; echo > /cache/x", mounts=mounts, user="app")
    assert trusted.lines[-1] == "***"


def test_programs_of_a_cache_cannot_become_root(machine: Machine, busybox: bytes) -> None:
    script = "cp /bin/busybox /cache/su; chmod 4755 /cache/su; grep ' /cache ' /proc/mounts"
    (line,) = machine.tell([busybox], script, mounts=[cache(id="programs")])
    assert "nosuid" in line
    assert "nodev" in line


def test_a_layer_below_may_be_anybodys(machine: Machine, busybox: bytes) -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.file("mail", b"", uid=8, gid=8)
    writer.finish()
    if machine.identity.single:
        with pytest.raises(BuildError, match="`mail` of a layer has the uid 8, which is not mapped"):
            machine.script([busybox, out.getvalue()], "true")
        return
    assert machine.tell([busybox, out.getvalue()], "stat -c %u:%g /mail") == ["8:8"]
