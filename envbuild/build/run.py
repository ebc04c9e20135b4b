"""Running a program in an image: its layers are the root, and nothing that it changes there stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from envbuild.build.choice import Choice
from envbuild.build.program import Wanted, make_step
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import EnvbuildError, ExitCode
from envbuild.core.platform import Platform
from envbuild.execute.sandbox.identity import find_identity
from envbuild.execute.sandbox.instead import or_in_docker
from envbuild.execute.sandbox.roots import Blob, Roots
from envbuild.execute.sandbox.sandbox import Sandbox, Step, Upper, Watch
from envbuild.oci.config import ImageConfig, Runtime
from envbuild.oci.image import Image
from envbuild.publish.layout import LocalImages
from envbuild.store.disk import DiskStore
from envbuild.store.faults import BlobMismatch
from envbuild.store.interrupt import Interrupted

DOCKER: Final = "docker"
_INSTEAD: Final = "run it in a Docker engine with `--engine docker`"
_HINT: Final = "; `--engine sandbox` needs none"

Start = Callable[[], int]
"""Runs a program on our own standard streams; returns its exit code. Raises EnvbuildError, and TimeLimit."""


class TimeLimit(EnvbuildError):
    """A program took longer than it may."""

    exit_code = ExitCode.TIME_LIMIT


@dataclass(frozen=True, slots=True)
class SandboxRun:
    """A program in a sandbox, whose root is unpacked."""

    sandbox: Sandbox
    step: Step
    layers: tuple[str, ...]
    seconds: float

    def start(self) -> int:
        """A Start. It takes the main thread."""
        watch = Watch(check=limit(self.step, self.seconds))
        with or_in_docker(_INSTEAD):
            return self.sandbox.run(self.step, self.layers, Upper.DISCARDED, watch, terminal=True)


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """A program in a container of the Docker engine, which has the `image`."""

    image: str
    step: Step
    cache: Path
    seconds: float

    def start(self) -> int:
        """A Start. It takes the main thread."""
        from envbuild.execute.docker.program import run_program

        return run_program(self.image, self.step, self.cache, limit(self.step, self.seconds), _HINT)


def limit(step: Step, seconds: float) -> Callable[[], None]:
    """What raises TimeLimit once these seconds, counted from now, are over; 0 is for ever."""
    until = time.monotonic() + seconds

    def check() -> None:
        if seconds and time.monotonic() > until:
            raise TimeLimit(f"`{step.argv[0]}` took longer than its limit of {seconds:g} s")

    return check


def prepare_sandbox(
    image: Image, platform: Platform, store: DiskStore, make_step: Callable[[Runtime], Step], seconds: float
) -> SandboxRun:
    """Unpack an image, all of whose bytes are in the store, where that was not done before."""
    _, manifest = image.select(platform)
    step = make_step(ImageConfig.parse(store.read(manifest.config.digest)).runtime)
    identity = find_identity()
    # Nothing is captured, so who can only be root may take everybody's files for its own.
    roots = Roots(store.root, identity, all_root=True)
    blobs = [Blob(layer.digest.hash, store.path(layer.digest)) for layer in manifest.layers]
    unknown = {blob.sha256 for blob in roots.missing(blobs)}
    for layer in manifest.layers:
        if layer.digest.hash in unknown:
            store.sound_path(layer.digest)
    with or_in_docker(_INSTEAD):
        return SandboxRun(Sandbox(store.root, identity), step, tuple(roots.unpack(blobs)), seconds)


def prepare_container(
    image: Image,
    platform: Platform,
    store: DiskStore,
    make_step: Callable[[Runtime], Step],
    seconds: float,
    name: str,
) -> ContainerRun:
    """Have an image in the Docker engine, by this name where it is not there yet."""
    from envbuild.publish.archive import archive_platform
    from envbuild.publish.docker import DockerEngine

    root, manifest = image.select(platform)
    step = make_step(ImageConfig.parse(store.read(manifest.config.digest)).runtime)
    engine = DockerEngine(hint=_HINT)
    known = engine.find([f"sha256:{part.digest.hash}" for part in (manifest.config, root)])
    if not known:
        known = engine.load(archive_platform(image, platform, store, name), name)
    return ContainerRun(known, step, store.root, seconds)


def prepare(image: Image, choice: Choice, store: DiskStore, wanted: Wanted, engine: str) -> Start:
    """What runs in an image, all of whose bytes are in the store; `engine` as `--engine` says."""
    step = partial(make_step, wanted=wanted)
    if engine == DOCKER:
        return prepare_container(image, choice.platform, store, step, wanted.seconds, choice.tag).start
    return prepare_sandbox(image, choice.platform, store, step, wanted.seconds).start


def prepare_again(choice: Choice, cache: Path, wanted: Wanted, engine: str) -> Start | None:
    """The same for an image that was chosen before; None where the store lacks some of it."""
    store = DiskStore(cache)
    image = LocalImages(cache, store).find(choice.image)
    try:
        return prepare(image, choice, store, wanted, engine) if image else None
    except BlobMismatch:  # it was set aside, and is to be made or fetched again
        return None


@contextmanager
def as_not_started() -> Iterator[None]:
    """Any error here says by its exit code that no program began: all others are programs' own."""
    try:
        yield
    except TimeLimit:
        raise
    except EnvbuildError as error:
        error.exit_code = ExitCode.NOT_STARTED
        raise
    except KeyboardInterrupt:
        interrupted = Interrupted("interrupted")
        interrupted.exit_code = ExitCode.NOT_STARTED
        raise interrupted from None
