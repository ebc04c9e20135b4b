"""A program of an image that the engine has, in a container that is removed when it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from envbuild.execute.docker.container import create_container
from envbuild.execute.docker.session import open_session
from envbuild.execute.docker.streams import Streams, has_terminal
from envbuild.execute.sandbox.sandbox import Bind, Step
from envbuild.sources.engine import open_engine


def run_program(image: str, step: Step, cache: Path, check: Callable[[], None], hint: str) -> int:
    """Run a program on our own streams, with what it binds mounted from the engine's machine.

    Returns its exit code, 128 + n for a signal n. It takes the main thread. `check` is called all the time,
    and may raise to end it. Raises EngineError with the `hint`, and BuildError where it cannot begin.
    """
    from docker.types import Mount

    terminal = has_terminal()
    with open_engine(hint=hint) as client, open_session(client, cache) as (_, labels):
        mounts = [
            Mount(mount.target, str(mount.source), type="bind", read_only=mount.readonly)
            for mount in step.mounts
            if isinstance(mount, Bind)
        ]
        container = create_container(client, image, step, mounts, labels, attached=True, terminal=terminal)
        return Streams(container, terminal=terminal).run(check)
