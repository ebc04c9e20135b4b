"""Steps in containers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envbuild.archive.layer import EPOCH
from envbuild.core.errors import BuildError
from envbuild.execute.docker.below import Below
from envbuild.execute.docker.changes import Changes
from envbuild.execute.docker.container import create_container
from envbuild.execute.docker.image import load_root, save_top
from envbuild.execute.docker.mounts import Mounts, PlacedFile, write_tar
from envbuild.execute.docker.output import Output
from envbuild.execute.docker.session import open_session
from envbuild.execute.sandbox.caches import OF_ENGINE, Caches
from envbuild.execute.sandbox.capture import Capture, refuse_mark
from envbuild.execute.sandbox.child import Take
from envbuild.execute.sandbox.inside.changes import TOO_LONG
from envbuild.execute.sandbox.sandbox import Step, Watch
from envbuild.execute.steps import Ended, StepRun
from envbuild.sources.engine import open_engine
from envbuild.store.interrupt import Interrupt

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

_POLL: Final = 0.05  # seconds between looks at whether the user wants it to end
_KEPT: Final = "changes.tar.gz"
_TOO_LONG: Final = "file name too long"  # ENAMETOOLONG as Go says it


class DockerRunner:
    """Runs steps as containers of the engine at `address`; `cache` is for locks and temporary files."""

    def __init__(self, cache: Path, interrupt: Interrupt, address: str = "") -> None:
        self._cache = cache
        self._interrupt = interrupt
        self._address = address

    def run(self, step: StepRun, watch: Watch) -> Ended:
        """Run a step; nothing of it stays in the engine but its cache mounts."""
        caches = Caches(self._cache, OF_ENGINE, lambda: self._interrupt.pause(_POLL))
        with (
            open_engine(self._address) as client,
            open_session(client, self._cache) as (folder, labels),
            ExitStack() as stack,
        ):
            _require_overlay(client)
            below = Below(step.below)
            image = f"envbuild-step:{folder.name.lower()}"
            load_root(client, step.below, image, labels)
            mounts = Mounts(client, image, below, folder, labels)
            mounts.add_all(step, caches, stack)
            program = _read_step(step, mounts.variables)
            container = create_container(client, image, program, mounts.mounts, labels)
            if mounts.files:
                container.put_archive("/", write_tar(mounts.files))
            code = _follow(container, watch)
            if code == 0:
                self._tell(container, step, mounts, below, folder, watch.change)
            elif step.kept is not None:
                step.kept.mkdir(parents=True, exist_ok=True)
                with (step.kept / _KEPT).open("wb") as out:
                    capture = Capture(out, EPOCH)
                    self._tell(container, step, mounts, below, folder, capture.take)
                    capture.finish()
            container.reload()
            return Ended(code, starved=bool(container.attrs["State"].get("OOMKilled")))

    def advise(self, _: Sequence[str], /) -> str:
        """Nothing: everybody exists in a container."""
        return ""

    def looking(self, kept: Path) -> str:
        """The command that shows what a failed step has changed."""
        return f"tar -tvzf {kept}/{_KEPT}"

    def _tell(
        self,
        container: Container,
        step: StepRun,
        mounts: Mounts,
        below: Below,
        folder: Path,
        take: Take,
    ) -> None:
        """Tell every change, as the engine keeps it."""
        if mounts.files:  # secrets may be among them
            empty = [PlacedFile(file.target, b"") for file in mounts.files]
            container.put_archive("/", write_tar(empty))
        _refuse_marks(container)
        layer = save_top(container.commit(), len(step.below), folder)
        if layer is not None:
            for message, offset in Changes(layer, below, mounts.places).tell():
                take(message, None if offset is None else _open_at(layer, offset))


def _refuse_marks(container: Container) -> None:
    """Raise EnvbuildError for what the engine would leave out in silence.

    It, too, takes such names for marks, and it cannot open paths that are too long.
    """
    import docker

    try:
        found = container.diff() or ()
    except docker.errors.APIError as error:
        if _TOO_LONG not in str(error.explanation):
            raise
        raise BuildError(TOO_LONG) from error
    for change in found:
        refuse_mark(str(change["Path"]).lstrip("/"))


def _require_overlay(client: docker.DockerClient) -> None:
    """Others do not tell of folders that were replaced: their layers would be other ones."""
    info = client.info()
    driver, status = info.get("Driver"), dict(info.get("DriverStatus") or ())
    if driver != "overlay2" or status.get("Native Overlay Diff") != "true":
        raise BuildError(
            f"the Docker engine stores layers by `{driver}`, which does not tell all that a step changes",
            hint="use an engine with `overlay2`, or `--executor sandbox`",
        )


def _open_at(path: Path, offset: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return descriptor


def _read_step(step: StepRun, variables: Mapping[str, str]) -> Step:
    stated = step.stated
    return Step(
        argv=tuple(stated["argv"]),
        environment={**stated["environment"], **variables},
        workdir=stated["workdir"],
        user=stated["user"],
        network=stated["network"],
        limits=step.limits,
    )


def _follow(container: Container, watch: Watch) -> int:
    """Start the program, hand on what it writes, and return its exit code; what `check` raises ends it."""
    import docker

    stream = container.attach(stdout=True, stderr=True, stream=True, logs=False)
    try:
        container.start()
    except docker.errors.APIError as error:
        raise BuildError(f"the step cannot begin: {error.explanation or error}") from error
    output = Output(stream, lambda: int(container.wait(timeout=None)["StatusCode"]))
    return output.follow(watch.check, watch.output)
