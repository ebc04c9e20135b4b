"""A process that forks the children of sandboxes: what they all need is loaded once."""

from __future__ import annotations

import os

from envbuild.execute.sandbox.inside.channel import Channel, adopt_channel
from envbuild.execute.sandbox.inside.main import main
from envbuild.execute.sandbox.inside.program import end_with_trace

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from typing import NoReturn


def serve(descriptor: int) -> None:
    """Fork a child for each pair of messages, with its channel and its output, until nobody asks any more.

    The answer has the child's number, and a descriptor of it (pidfd_open(2)). Who will unpack says so first.
    """
    channel = adopt_channel(descriptor)
    while True:
        message, end = channel.receive()
        if message is None:
            return
        if message["unpacking"]:
            from envbuild.execute.sandbox.inside import unpacking  # noqa: F401 (takes 50 ms, once)
        if end is not None:
            _fork(channel, end)


def _fork(channel: Channel, end: int) -> None:
    _, output = channel.receive()
    if output is None:
        return
    child = os.fork()
    if child == 0:
        _begin(channel, end, output)
    watched = os.pidfd_open(child)
    channel.send({"process": child}, watched)
    for each in (end, output, watched):
        os.close(each)
    _bury()


def _begin(channel: Channel, end: int, output: int) -> NoReturn:
    """Become a child: with a session, a channel and streams of its own, and nothing else of ours."""
    try:
        channel.close()
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        for stream, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(stream, target)
        os.close(nothing)
        os.close(output)
        main(end)
        os._exit(0)
    finally:
        end_with_trace(1)


def _bury() -> None:
    """Forget children that have ended; who waits for one looks at its descriptor."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
