"""A container on our own standard streams: its input is ours, and so are its output and its signals.

The engine sends all output on one connection, each piece behind a header of eight bytes, unless the
container has a terminal (Docker Engine API, *ContainerAttach*).
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from envbuild.core.errors import BuildError
from envbuild.execute.sandbox.inside.channel import NOT_EXECUTABLE, NOT_FOUND
from envbuild.execute.sandbox.inside.forwarding import FORWARDED, KEYS
from envbuild.sources.engine import EngineError

if TYPE_CHECKING:
    from docker.models.containers import Container

_TICK: Final = 100  # milliseconds between looks at whether it may go on
_READ: Final = 1 << 16
_HEADER: Final = struct.Struct(">BxxxI")
_ERRORS: Final = 2  # the stream of standard error, in a header
_ENDED: Final = b"\0"  # told like a signal's number, which is never 0
_IN, _OUT, _ERR = range(3)
# The engine would let go of the terminal at these keys: nobody types them.
_DETACH: Final = ",".join(["ctrl-@"] * 16)


class Streams:
    """Ours and those of one container, which has a `terminal` if it was made with one."""

    def __init__(self, container: Container, *, terminal: bool) -> None:
        self._container = container
        self._terminal = terminal
        self._socket = _attach(container)
        self._told, self._tell = os.pipe()
        self._rest = b""
        self._codes: list[int] = []
        self._deaf = False

    def run(self, check: Callable[[], None]) -> int:
        """Start the container; returns its exit code, when all that it wrote is written.

        Takes the main thread. Raises BuildError where it cannot begin, and what `check` raises.
        """
        with self._socket, self._signals(), _raw_terminal() if self._terminal else nullcontext():
            code = self._start()
            if code is not None:
                return code
            if self._terminal:
                self._resize()
            for work in (self._feed, self._wait):
                threading.Thread(target=work, daemon=True).start()
            self._follow(check)
        return self._codes[0]

    def _start(self) -> int | None:
        """Let it begin; returns the exit code that tells of a program that cannot be executed."""
        import docker

        try:
            self._container.start()
        except docker.errors.APIError as error:
            self._container.reload()
            code = int(self._container.attrs["State"]["ExitCode"])
            if code not in (NOT_EXECUTABLE, NOT_FOUND):
                raise BuildError(f"the program cannot begin: {error.explanation or error}") from error
            os.write(_ERR, f"envbuild: {error.explanation}\n".encode())
            return code
        return None

    def _feed(self) -> None:
        """Send what we are given to read, and its end."""
        with suppress(OSError):
            while data := os.read(_IN, _READ):
                self._socket.sendall(data)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _wait(self) -> None:
        """Tell that the container has ended, however that becomes known."""
        import docker
        import requests

        with suppress(docker.errors.DockerException, requests.RequestException):
            self._codes.append(int(self._container.wait(timeout=None)["StatusCode"]))
        os.write(self._tell, _ENDED)

    def _follow(self, check: Callable[[], None]) -> None:
        poll = select.poll()
        for descriptor in (self._socket.fileno(), self._told):
            poll.register(descriptor, select.POLLIN)
        writing = running = True
        while writing or running:
            ready = {descriptor for descriptor, _ in poll.poll(_TICK)}
            check()
            if self._told in ready:
                running = self._act(os.read(self._told, _READ)) and running
            if self._socket.fileno() in ready:
                writing = self._pass_on()
                if not writing:
                    poll.unregister(self._socket.fileno())
        if not self._codes:
            raise EngineError("the Docker engine lost the program")

    def _act(self, told: bytes) -> bool:
        """Pass signals on; returns whether the container still runs."""
        for number in told.replace(_ENDED, b""):
            if number == signal.SIGWINCH:
                self._resize()
            else:
                self._kill(number)
        return _ENDED not in told

    def _pass_on(self) -> bool:
        """Write what came; returns whether there may be more."""
        data = self._socket.recv(_READ)
        if self._terminal:
            self._write(_OUT, data)
            return bool(data)
        self._rest += data
        while len(self._rest) >= _HEADER.size:
            stream, size = _HEADER.unpack_from(self._rest)
            piece = self._rest[_HEADER.size : _HEADER.size + size]
            if len(piece) < size:
                break
            self._write(_ERR if stream == _ERRORS else _OUT, piece)
            self._rest = self._rest[_HEADER.size + size :]
        return bool(data)

    def _write(self, descriptor: int, data: bytes) -> None:
        """Write all; where nobody reads any more, the program is told as it would be without a container."""
        try:
            while data and not self._deaf:
                data = data[os.write(descriptor, data) :]
        except BrokenPipeError:
            self._deaf = True
            self._kill(signal.SIGPIPE)

    def _kill(self, number: int) -> None:
        import docker

        with suppress(docker.errors.APIError):  # it has just ended
            self._container.kill(signal=number)

    def _resize(self) -> None:
        import docker

        size = os.get_terminal_size(_IN)
        with suppress(docker.errors.APIError):
            self._container.resize(height=size.lines, width=size.columns)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Keep signals for the program; a terminal of its own makes those of keys from what is typed."""
        numbers = (*FORWARDED, signal.SIGWINCH) if self._terminal else (*FORWARDED, *KEYS)
        before = {
            number: signal.signal(number, lambda received, _: os.write(self._tell, bytes([received])))
            for number in numbers
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def has_terminal() -> bool:
    """Whether a program on our streams has a terminal to read from and to write to."""
    return os.isatty(_IN) and os.isatty(_OUT)


def _attach(container: Container) -> socket.socket:
    """The connection with a container's streams, whose two directions end apart."""
    wanted: Mapping[str, Any] = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "detachKeys": _DETACH}
    made = getattr(container.attach_socket(params=wanted), "_sock", None)
    if type(made) is not socket.socket:
        raise EngineError(
            "an engine behind TLS or SSH cannot be told where standard input ends",
            hint="use this machine's engine, or `--engine sandbox`",
        )
    made.settimeout(None)
    return made


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Our terminal hands on every key as it is: the container's own terminal interprets them."""
    before = termios.tcgetattr(_IN)
    tty.setraw(_IN)
    try:
        yield
    finally:
        termios.tcsetattr(_IN, termios.TCSADRAIN, before)
