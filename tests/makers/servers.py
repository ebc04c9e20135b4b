"""Real servers on loopback: Debian's registry, a Docker engine, and a gate that makes faults on purpose."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGES = {
    "docker-registry": "docker-registry",
    "dockerd": "docker.io",
    "skopeo": "skopeo",
    "htpasswd": "apache2-utils",
    "busybox": "busybox-static",
    "perl": "perl-base",
    "setcap": "libcap2-bin",
    "setfattr": "attr",
    "newuidmap": "uidmap",
    "mmdebstrap": "mmdebstrap",
    "qemu-aarch64-static": "qemu-user-static",
    "qemu-x86_64-static": "qemu-user-static",
}
USER, PASSWORD = "robin", "not-a-secret"

_REGISTRY = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error}}
{auth}
"""


def require_programs(*names: str, root: bool = False) -> None:
    """Leave the test out, and say why, where a program is missing; a failure if that is forbidden."""
    missing = [PACKAGES[name] for name in names if not shutil.which(name)]
    reason = f"for want of Debian's {', '.join(missing)}" if missing else ""
    if root and os.geteuid() != 0:
        reason = "it takes root"
    if reason:
        leave_out(reason)


def leave_out(reason: str) -> None:
    """Leave the test out; a failure if that is forbidden."""
    if os.environ.get("ENVBUILD_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def run_registry(folder: Path, *, private: bool = False) -> Iterator[str]:
    """Debian's registry with its blobs in `folder`; gives `127.0.0.1:PORT`."""
    require_programs("docker-registry", *(["htpasswd"] if private else []))
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    auth = f"auth: {{htpasswd: {{realm: tests, path: {_write_users(folder)}}}}}" if private else ""
    config = folder / "config.yml"
    config.write_text(_REGISTRY.format(folder=folder / "data", port=port, auth=auth))
    with _run(["docker-registry", "serve", str(config)], folder / "log", lambda: _answers(port)):
        yield f"127.0.0.1:{port}"


@contextmanager
def run_engine(folder: Path) -> Iterator[str]:
    """A Docker engine of our own, without networks; gives its address for `DOCKER_HOST`.

    `folder` must be short: the engine's sockets lie in it, and their paths may have 107 bytes.
    """
    require_programs("dockerd", root=True)
    socket_path = folder / "s"
    command = ["dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    command += ["-p", str(folder / "pid"), "-H", f"unix://{socket_path}", "--bridge=none", "--iptables=false"]
    try:
        with _run(command, folder / "log", lambda: _listens(socket_path)):
            yield f"unix://{socket_path}"
    finally:
        # A container with the host's network leaves a mount of that.
        subprocess.run(["umount", str(folder / "exec/netns/default")], capture_output=True, check=False)


@contextmanager
def _run(command: Sequence[str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _await(process, ready, log)
        yield
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    while not ready():
        if process.poll() is not None:
            pytest.fail(f"{process.args!r} ended:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status in (200, 401)
    except OSError:
        return False
    finally:
        connection.close()


def _listens(path: Path) -> bool:
    """Whether an engine answers at a socket: it listens before it is ready."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in client.recv(64)
        except OSError:
            return False


def _write_users(folder: Path) -> Path:
    made = subprocess.run(["htpasswd", "-Bbn", USER, PASSWORD], check=True, capture_output=True)
    path = folder / "users"
    path.write_bytes(made.stdout)
    return path


def empty_engine(address: str) -> None:
    """Remove all containers, images and volumes of an engine that runs nothing."""
    command = ["docker", "--host", address, "system", "prune", "--all", "--force", "--volumes"]
    subprocess.run(command, check=True, capture_output=True)
