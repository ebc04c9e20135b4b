"""A root to run programs in: Debian's static busybox as a layer, and steps on it."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from envbuild.archive.layer import EPOCH, LayerWriter
from envbuild.core.errors import BuildError
from envbuild.core.events import ActionOutput
from envbuild.execute.sandbox.child import never, start_child
from envbuild.execute.sandbox.identity import find_identity
from envbuild.execute.sandbox.inside.channel import NO_NAMESPACES
from envbuild.execute.sandbox.runner import SandboxRunner
from envbuild.execute.steps import PLAIN, Runner, StepExecutor, StepSettings
from envbuild.rule.builtins import LAYER, LAYER_INFO, LISTING, RUN_STEP
from envbuild.rule.declared import DeclaredAction, SourceFile
from envbuild.store.disk import DiskStore
from envbuild.store.interrupt import Interrupt
from tests.makers.actions import Recorder, bind
from tests.makers.servers import leave_out, require_programs

_APPLETS = """
sh ls cat id mount umount touch chmod chown rm rmdir mkdir ln mv cp sleep echo hostname ip mkfifo mknod env
printf test true false kill ps head dd stat readlink grep wc seq sync tr su nc sed find sort df pwd unshare
"""
_PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n"
_GROUP = "root:x:0:\napp:x:1000:\nextra:x:2000:app\n"


def write_busybox(out: io.BytesIO) -> None:
    """The root's layer: busybox under all its names, and accounts."""
    require_programs("busybox")
    program = Path(shutil.which("busybox") or "").read_bytes()
    writer = LayerWriter(out)
    writer.file("bin/busybox", program, mode=0o755)
    for name in _APPLETS.split():
        writer.hardlink(f"bin/{name}", "bin/busybox")
    writer.file("etc/passwd", _PASSWD.encode())
    writer.file("etc/group", _GROUP.encode())
    for path, mode in {"bin": 0o755, "etc": 0o755, "tmp": 0o1777, "root": 0o700}.items():
        writer.directory(path, mode=mode)
    writer.finish()


def require_sandbox() -> None:
    """Leave the test out where the kernel or a container allows no namespaces."""
    try:
        with start_child({"command": "remove", "folders": []}, find_identity()) as child:
            child.follow(lambda *_: None, never, lambda _: None)
    except BuildError as error:
        if not error.message.startswith(NO_NAMESPACES):
            raise
        leave_out(error.message)


def make_busybox() -> bytes:
    """The root's layer."""
    out = io.BytesIO()
    write_busybox(out)
    return out.getvalue()


def make_tools(*names: str) -> bytes:
    """A layer with programs of this machine, and the libraries that they load."""
    require_programs(*names)
    programs = [shutil.which(name) or "" for name in names]
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    paths = {*programs, *(word for word in listed.split() if word.startswith("/") and not word.endswith(":"))}
    out = io.BytesIO()
    writer = LayerWriter(out)
    for path in sorted(paths):
        writer.file(path.lstrip("/"), Path(path).read_bytes(), mode=0o755)
    for folder in sorted({str(above).lstrip("/") for path in paths for above in Path(path).parents} - {""}):
        writer.directory(folder)
    writer.finish()
    return out.getvalue()


class Machine:
    """A store and an executor of steps; what steps write is kept by line."""

    def __init__(
        self,
        cache: Path,
        settings: StepSettings = PLAIN,
        make_runner: Callable[[Machine], Runner] | None = None,
    ) -> None:
        self.cache = cache
        self.store = DiskStore(cache)
        self.recorder = Recorder()
        self.interrupt = Interrupt()
        self.identity = find_identity()
        self._executor = StepExecutor(
            make_runner(self) if make_runner else SandboxRunner(cache, self.interrupt),
            self.store,
            cache,
            self.recorder,
            self.interrupt,
            2,
            settings,
        )

    def run(self, layers: Sequence[bytes], *argv: str, **parameters: Any) -> bytes:
        """The layer of a step on other layers, bottom first."""
        action = bind(declare_step(self.store, layers, *argv, **parameters))
        result, _ = self._executor.run(action)
        return self.store.read(result.outputs[LAYER])

    def script(self, layers: Sequence[bytes], script: str, **parameters: Any) -> bytes:
        """`run` of a shell's script, which ends at the first command that fails."""
        return self.run(layers, "sh", "-ec", script, **parameters)

    def tell(self, layers: Sequence[bytes], script: str, **parameters: Any) -> list[str]:
        """What a script writes, by line."""
        before = len(self.lines)
        self.script(layers, script, **parameters)
        return self.lines[before:]

    @property
    def lines(self) -> list[str]:
        """What all steps wrote so far."""
        return [event.line for event in self.recorder.events if isinstance(event, ActionOutput)]


def list_layer(layer: bytes) -> dict[str, str]:
    """A layer's entries by path: type, mode, owner, and what else tells them apart."""
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        assert all(entry.mtime == EPOCH for entry in archive.getmembers())
        return {entry.name: _describe(archive, entry) for entry in archive.getmembers()}


def read_attributes(layer: bytes, path: str) -> dict[str, bytes]:
    """The extended attributes of an entry."""
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        headers = archive.getmember(path).pax_headers
    prefix = "SCHILY.xattr."
    return {
        key.removeprefix(prefix): value.encode("utf-8", "surrogateescape")
        for key, value in headers.items()
        if key.startswith(prefix)
    }


def _describe(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> str:
    kind = {b"0": "file", b"1": "hard", b"2": "link", b"5": "dir", b"6": "fifo"}[entry.type]
    file = archive.extractfile(entry) if entry.isreg() else None
    content = repr(file.read(20).decode()) if file else entry.linkname
    words = [kind, f"{entry.mode:o}", f"{entry.uid}:{entry.gid}", content]
    return " ".join(filter(None, words))


def declare_step(store: DiskStore, layers: Sequence[bytes], *argv: str, **parameters: Any) -> DeclaredAction:
    """A step on layers, bottom first, which are put into the store."""
    stated: dict[str, Any] = {
        "argv": list(argv),
        "environment": {},
        "workdir": "/",
        "user": "",
        "network": False,
        "generation": 0,
        "epoch": EPOCH,
        "mounts": [],
    }
    inputs = {f"root/{n:03}": _input(store, data) for n, data in enumerate(layers)}
    files: Mapping[str, bytes] = parameters.pop("files", {})
    inputs |= {path: _input(store, data) for path, data in files.items()}
    outputs = (LAYER, LAYER_INFO, LISTING)
    return DeclaredAction(RUN_STEP, stated | parameters, inputs, outputs, "Run", " ".join(argv))


def _input(store: DiskStore, data: bytes) -> SourceFile:
    return SourceFile(store.put(data), executable=False, path="")
