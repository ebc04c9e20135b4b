"""Processes that run builtins, so that Python's global lock keeps no core waiting (docs/adr/0009).

They are forked before the build has threads, and each does one job after another. A worker is told where
its job's outputs go and asks for each input that it opens: the store, its checks and what is known of its
blobs stay with the one who forked.
"""

from __future__ import annotations

import gc
import os
import pickle
import queue
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.core.errors import BuildError, EnvbuildError
from envbuild.core.protocols import BlobWriter
from envbuild.execute.builtin import Function, Job
from envbuild.rule.declared import Builtin
from envbuild.rule.purity import watch_purity
from envbuild.store.draft import Draft

Check = Callable[[], None]
_RARELY: Final = 50_000  # objects made between looks for garbage: jobs make many, and hardly any in cycles


@dataclass(frozen=True, slots=True)
class _Order:
    """A job: its inputs in order, with the paths of those that are known, and where the outputs go."""

    builtin: Builtin
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Path | None]
    outputs: Mapping[str, Path]
    definition: str


@dataclass(frozen=True, slots=True)
class _Question:
    """Asks for an input; the answer is its path, or the error that there is in its place."""

    name: str


@contextmanager
def open_workers(
    builtins: Mapping[Builtin, Function], count: int, check: Check
) -> Iterator[Mapping[Builtin, Function]]:
    """The same functions, each run by one of `count` processes, which end with the block.

    `check` is called in the worker whenever it writes, and may raise. Raises BuildError where the system
    lets no further process start. Begin before there are threads that
    the functions share anything with.
    """
    free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    workers: list[_Worker] = []

    def hand_on(builtin: Builtin) -> Function:
        def run(job: Job) -> None:
            worker = free.get()
            try:
                worker.run(builtin, job)
            finally:
                free.put(worker)

        return run

    try:
        for _ in range(count):
            workers.append(_start(builtins, check))
            free.put(workers[-1])
        yield {builtin: hand_on(builtin) for builtin in builtins}
    except BaseException:
        for worker in workers:
            worker.kill()
        raise
    finally:
        for worker in workers:
            worker.dismiss()


def _start(builtins: Mapping[Builtin, Function], check: Check) -> _Worker:
    try:
        return _Worker(builtins, check)
    except OSError as error:
        raise BuildError(
            f"no process for the build can be started: {error.strerror}", hint="build with `--jobs 1`"
        ) from error


class _Line:
    """One end of two pipes: objects go out by one of them and come in by the other."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = os.fdopen(incoming, "rb")
        self._outgoing = os.fdopen(outgoing, "wb")

    def send(self, message: object) -> None:
        """Raises OSError where nobody is at the other end."""
        pickle.dump(message, self._outgoing, pickle.HIGHEST_PROTOCOL)
        self._outgoing.flush()

    def receive(self) -> object:
        """Raises EOFError where nobody is at the other end any more."""
        return pickle.load(self._incoming)  # noqa: S301 (from a process of our own making)

    def close(self) -> None:
        """Tell the other end that nothing more comes."""
        with suppress(BrokenPipeError):  # of what was buffered, for who is not there any more
            self._outgoing.close()
        self._incoming.close()


class _Worker:
    """A process, as seen by who forked it; used by one thread at a time."""

    def __init__(self, builtins: Mapping[Builtin, Function], check: Check) -> None:
        (orders_in, orders_out), (answers_in, answers_out) = os.pipe(), os.pipe()
        parent = os.getpid()
        self._process = os.fork()
        if self._process == 0:
            _live(orders_in, answers_out, parent, builtins, check)
        os.close(orders_in)
        os.close(answers_out)
        self._line = _Line(answers_in, orders_out)

    def run(self, builtin: Builtin, job: Job) -> None:
        """Have the job done; raises what its function raises, and BuildError where the process is gone."""
        writers = cast("Mapping[str, BlobWriter]", job.outputs)  # what an executor gives: the store's own
        outputs = {name: writer.path for name, writer in writers.items()}
        inputs = {name: job.known.get(name) for name in job.inputs}
        order = _Order(builtin, job.parameters, inputs, outputs, job.definition)
        try:
            outcome = self._talk(order, job.inputs)
        except (EOFError, OSError, ValueError) as error:  # the last one: the block is being left
            raise BuildError(
                f"the process that ran `{builtin.name}` is gone: the machine may lack memory",
                hint="build with `--jobs 1`",
            ) from error
        if isinstance(outcome, BaseException):
            raise outcome
        for name, digest in outcome.items():
            writers[name].adopt(digest)

    def kill(self) -> None:
        """End the process, whatever it does; who waits for it is told so."""
        os.kill(self._process, signal.SIGKILL)

    def dismiss(self) -> None:
        """Let the process end, and wait for that."""
        self._line.close()
        os.waitpid(self._process, 0)

    def _talk(self, order: _Order, inputs: Mapping[str, Path]) -> Mapping[str, Digest] | BaseException:
        self._line.send(order)
        while isinstance(message := self._line.receive(), _Question):
            self._line.send(_look_up(inputs, message.name))
        assert isinstance(message, dict | BaseException)
        return message


def _look_up(inputs: Mapping[str, Path], name: str) -> Path | EnvbuildError:
    try:
        return inputs[name]
    except EnvbuildError as error:
        return error


class _AskedInputs(Mapping[str, Path]):
    """Inputs in order, each asked for when it is looked at unless it is known, and `given` from then on."""

    def __init__(self, line: _Line, paths: Mapping[str, Path | None], given: set[str]) -> None:
        self._line = line
        self._paths = paths
        self._given = given

    def __getitem__(self, name: str) -> Path:
        path = self._paths[name] or self._ask(name)
        self._given.add(str(path))
        return path

    def _ask(self, name: str) -> Path:
        self._line.send(_Question(name))
        answer = self._line.receive()
        if isinstance(answer, EnvbuildError):
            raise answer
        assert isinstance(answer, Path)
        return answer

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _live(
    orders: int, answers: int, parent: int, builtins: Mapping[Builtin, Function], check: Check
) -> NoReturn:
    """All that a worker does."""
    try:
        # Ctrl-C reaches the whole group: who forked decides what it means, and says it by `check`.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _close_all_but(orders, answers)
        gc.freeze()  # to look at what was there before would copy its pages
        gc.set_threshold(_RARELY)
        _serve(_Line(orders, answers), parent, builtins, check)
    except (EOFError, BrokenPipeError):  # nobody asks any more
        pass
    except BaseException:  # noqa: BLE001 (who waits is told that the worker is gone)
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(0)  # whatever happens, nothing of what called the fork runs here


def _serve(line: _Line, parent: int, builtins: Mapping[Builtin, Function], check: Check) -> NoReturn:
    def check_both() -> None:
        if os.getppid() != parent:  # killed: nobody wants what is made here
            os._exit(1)
        check()

    while True:
        order = line.receive()
        assert isinstance(order, _Order)
        line.send(_perform(order, line, builtins, check_both))


def _close_all_but(*kept: int) -> None:
    """Let go of what was open at the fork: locks and connections are to end with who holds them."""
    first = 3  # behind input, output and diagnostics
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _perform(
    order: _Order, line: _Line, builtins: Mapping[Builtin, Function], check: Check
) -> Mapping[str, Digest] | BaseException:
    """Run the function; the digests of what it wrote, or its error."""
    given: set[str] = set()
    try:
        with ExitStack() as stack:
            outputs = {name: stack.enter_context(Draft(path, check)) for name, path in order.outputs.items()}
            inputs = _AskedInputs(line, order.inputs, given)
            with watch_purity(given):
                builtins[order.builtin](Job(order.parameters, inputs, outputs, order.definition))
            return {name: draft.finish() for name, draft in outputs.items()}
    except BaseException as error:  # noqa: BLE001 (it is raised where the job was handed on)
        return _make_portable(error)


def _make_portable(error: BaseException) -> BaseException:
    """The error as another process can raise it, with the place where it came up."""
    if not isinstance(error, EnvbuildError):
        import traceback

        error.add_note("".join(traceback.format_exception(error)))
    try:
        portable = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    except Exception:  # noqa: BLE001 (whatever an error's own methods raise)
        return RuntimeError(f"{type(error).__name__} in a worker")
    assert isinstance(portable, BaseException)
    return portable
