"""Starting the process that owns a sandbox's namespaces, and talking to it."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import IO, Any, Final, Protocol

from envbuild.core.errors import BuildError, EnvbuildError, StoreError
from envbuild.execute.sandbox.forker import FORKER
from envbuild.execute.sandbox.identity import Identity
from envbuild.execute.sandbox.inside.channel import (
    DONE,
    REFUSED,
    SUB_IDS,
    UNSHARED,
    Channel,
    Message,
    open_channel,
)
from envbuild.execute.sandbox.sub_ids import advise_sub_ids
from envbuild.store.faults import FULL

Take = Callable[[Message, int | None], None]
"""Takes a message and its open file, which it must close."""

_TICK: Final = 100  # milliseconds between looks at whether the user wants it to end
_GRACE: Final = 10.0  # seconds for a child to clean up
_READ: Final = 1 << 16


def never() -> None:
    """Ends nothing: for who has nobody to be interrupted by."""


class Process(Protocol):
    """What is known of a child: one that was started, or one that was forked."""

    pid: int

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes, where we read it."""

    def wait(self, timeout: float | None = None) -> object:
        """Wait for its end; raises TimeoutError after so many seconds."""

    def kill(self) -> None:
        """End it."""


class Child:
    """A running child."""

    def __init__(self, process: Process, channel: Channel, identity: Identity) -> None:
        self.process = process
        self._channel = channel
        self._identity = identity
        self._done = self._lost = False

    def follow(self, take: Take, check: Callable[[], None], output: Callable[[bytes], object]) -> None:
        """Hand on all messages and output until the child is done; `check` may raise to end it before.

        Raises BuildError with what the child refused, or where it ends without a word.
        """
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        pipe = self.process.stdout
        if pipe is not None:
            poll.register(pipe, select.POLLIN)
        while not (self._done or self._lost):
            ready = {descriptor for descriptor, _ in poll.poll(_TICK)}
            check()
            if pipe is not None and pipe.fileno() in ready and not _pass_on(pipe.fileno(), output):
                poll.unregister(pipe)
                pipe = None
            elif self._channel.fileno() in ready:
                self._receive(take)
        while pipe is not None and _pass_on(pipe.fileno(), output):
            pass
        if self._lost:
            raise BuildError("the sandbox ended unexpectedly")

    def _receive(self, take: Take) -> None:
        message, descriptor = self._channel.receive()
        if message is None:
            self._lost = True
        elif message["kind"] == UNSHARED:
            self._identity.write_maps(self.process.pid)
            self._channel.send({"kind": UNSHARED})
        elif message["kind"] == REFUSED:
            raise _refused(message)
        elif message["kind"] == DONE:
            self._done = True
        else:
            take(message, descriptor)

    def leave(self) -> None:
        """Wait for the child to end, which it does when nobody listens any more."""
        self._channel.close()
        with suppress(TimeoutError):
            self.process.wait(_GRACE)
        self.process.kill()
        self.process.wait()


@contextmanager
def start_child(
    spec: Mapping[str, Any], identity: Identity, *, terminal: bool = False, unpacking: bool = False
) -> Iterator[Child]:
    """A child that does what `spec` says, and ends with the block.

    `terminal` gives it our own standard streams and signals, which takes the main thread, and our session
    where that has a terminal; else its output is followed and it reads nothing. `unpacking` says that it
    unpacks, which takes more of Python.
    """
    with _begin(terminal=terminal, unpacking=unpacking) as (process, ours, signals):
        child = Child(process, ours, identity)
        try:
            more = {"own_users": not identity.host, "marks": identity.marks, "signals": signals}
            ours.send_task({**spec, **more})
            yield child
        finally:
            child.leave()


_Begun = tuple[Process, Channel, list[int]]


def _begin(*, terminal: bool, unpacking: bool) -> AbstractContextManager[_Begun]:
    if not terminal:
        return _fork(unpacking=unpacking)
    from envbuild.execute.sandbox.terminal import start_on_terminal  # steps need none

    return start_on_terminal()


@contextmanager
def _fork(*, unpacking: bool) -> Iterator[_Begun]:
    ours, theirs = open_channel()
    try:
        process = FORKER.fork(theirs, unpacking=unpacking)
    finally:
        theirs.close()
    try:
        yield process, ours, []
    finally:
        process.close()


def _pass_on(descriptor: int, output: Callable[[bytes], object]) -> bool:
    data = os.read(descriptor, _READ)
    if data:
        output(data)
    return bool(data)


def _refused(message: Message) -> EnvbuildError:
    if message["errno"] in FULL:
        hint = "free some space, or run `envbuild cache gc`"
        return StoreError(f"the disk is full: {message['message']}", hint=hint)
    hint = message["hint"]
    return BuildError(message["message"], hint=advise_sub_ids(os.geteuid()) if hint == SUB_IDS else hint)
