from __future__ import annotations

import gzip
import io
import json
import socket
import struct
import subprocess
import threading
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.core.errors import ArchiveError, BuildError
from envbuild.core.events import ResultSource
from envbuild.execute.builtin import BuiltinExecutor, Job
from envbuild.graph.bind import bind_action
from envbuild.rule.declared import Builtin, DeclaredAction, SourceFile
from envbuild.rule.purity import Undeclared
from envbuild.store.disk import DiskStore, DiskWriter
from envbuild.store.faults import BlobMismatch
from tests.makers.actions import JOIN, OUT, Counted, bind, declare, executor, join


def test_outputs_are_in_the_store(tmp_path: Path) -> None:
    result, source = executor(tmp_path).run(bind(declare("hello")))
    assert result == ActionResult({OUT: Digest.of(b"hello")})
    assert source is ResultSource.EXECUTED
    assert DiskStore(tmp_path).read(result.outputs[OUT]) == b"hello"


def test_inputs_are_the_stores_own_files_in_order(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    digests = {name: store.put(name.encode()) for name in ("b", "a/c", "a")}
    files = {
        name: SourceFile(digest, executable=False, path="") for name, digest in digests.items() if name != "a"
    }
    seen: dict[str, Path] = {}

    def look(job: Job) -> None:
        seen.update(job.inputs)
        join(job)

    result, _ = executor(tmp_path, look).run(bind(declare("", inputs=files)))
    assert list(seen) == ["a/c", "b"]
    assert seen["b"] == store.path(digests["b"])
    assert store.read(result.outputs[OUT]) == b"a/cb"


def test_only_a_stamped_action_knows_its_definition(tmp_path: Path) -> None:
    def tell(job: Job) -> None:
        job.outputs[OUT].write(job.definition.encode())

    run = executor(tmp_path, tell).run
    stamped = DeclaredAction(JOIN, {}, {}, (OUT,), "", "", stamped=True)
    plain = DeclaredAction(JOIN, {}, {}, (OUT,), "", "")
    assert run(bind(stamped))[0].outputs[OUT] == Digest.of(stamped.definition.encode())
    assert run(bind(plain))[0].outputs[OUT] == Digest.of(b"")


def test_a_builtin_of_another_version_is_refused(tmp_path: Path) -> None:
    action = bind(declare("hello", builtin=Builtin("join", 2)))
    with pytest.raises(BuildError, match="no builtin `join` of version 2"):
        executor(tmp_path).run(action)


def hostile_errors() -> list[Callable[[], object]]:
    """What parsers do with bytes that are not what they claim to be."""
    return [
        lambda: zlib.decompress(b"no"),
        lambda: zipfile.ZipFile(io.BytesIO(b"no zip")),
        lambda: struct.unpack("<Q", b"short"),
        lambda: json.loads("{"),
        b"\xff".decode,
        lambda: gzip.decompress(gzip.compress(b"x" * 100)[:-9]),
        lambda: gzip.decompress(b"no"),
    ]


@pytest.mark.parametrize("parse", hostile_errors())
def test_bad_bytes_are_the_inputs_fault(tmp_path: Path, parse: Callable[[], object]) -> None:
    def fail(job: Job) -> None:
        job.outputs[OUT].write(b"half")
        parse()

    with pytest.raises(BuildError, match=r"`Join numpy 2\.4\.6`: an input is not what it claims to be"):
        executor(tmp_path, fail).run(bind(declare("numpy 2.4.6")))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("error", [KeyError("x"), AssertionError(), TypeError(), ArchiveError("a lie")])
def test_bugs_and_our_own_errors_go_through(tmp_path: Path, error: Exception) -> None:
    def fail(job: Job) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        executor(tmp_path, fail).run(bind(declare("hello")))
    assert caught.value is error


def test_of_two_outputs_none_is_kept_if_one_fails(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        job.outputs["a"].write(b"whole")
        job.outputs["b"].write(b"half")
        raise BuildError("no")

    store = DiskStore(tmp_path)
    action = DeclaredAction(JOIN, {}, {}, ("a", "b"), "", "")
    with pytest.raises(BuildError):
        BuiltinExecutor(store, {JOIN: fail}, 1).run(bind_action(action, lambda output: Digest.of(b"")))
    assert not store.has(Digest.of(b"whole"))


def test_no_more_than_the_limit_run_and_the_limit_does(tmp_path: Path) -> None:
    both = threading.Barrier(2)  # each run waits until a second one is there: two do run at once
    lock = threading.Lock()
    running = most = 0

    def meet(job: Job) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1

    run = executor(tmp_path, Counted(meet), limit=2).run
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: run(bind(declare(str(n)))), range(6)))
    assert most == 2


def test_a_failure_gives_its_turn_back(tmp_path: Path) -> None:
    def fail(job: Job) -> None:
        if job.parameters["text"] == "bad":
            raise KeyError("bad")

    run = executor(tmp_path, Counted(fail), limit=1).run
    with pytest.raises(KeyError):
        run(bind(declare("bad")))
    assert run(bind(declare("good")))[0].outputs


def test_flushing_outputs_takes_no_turn(tmp_path: Path) -> None:
    both = threading.Barrier(2)  # each waits until the other one is being flushed, too

    class Meeting(DiskStore):
        def writer(self) -> DiskWriter:
            return MeetingWriter(self)

    class MeetingWriter(DiskWriter):
        def commit(self, expected: Digest | None = None) -> Digest:
            both.wait()
            return super().commit(expected)

    run = BuiltinExecutor(Meeting(tmp_path), {JOIN: join}, limit=1).run
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda text: run(bind(declare(text)))[0], ("one", "two")))
    assert [result.outputs[OUT] for result in results] == [Digest.of(b"one"), Digest.of(b"two")]


@pytest.mark.parametrize(
    "use",
    [
        lambda job: Path(__file__).read_bytes(),
        lambda job: list(Path("/").iterdir()),
        lambda job: subprocess.run(["true"], check=True),
        lambda job: socket.create_connection(("127.0.0.1", 9)),
        lambda job: next(iter(job.inputs.values())).with_name("0" * 64).open(),
    ],
)
def test_a_builtin_uses_nothing_but_its_inputs(tmp_path: Path, use: Callable[[Job], object]) -> None:
    def look(job: Job) -> None:
        with suppress(Exception):  # caught or not, it is seen
            use(job)
        join(job)

    content = DiskStore(tmp_path).put(b"content")
    action = declare("x", inputs={"in": SourceFile(content, executable=False, path="")})
    with pytest.raises(Undeclared):
        executor(tmp_path, look).run(bind(action))
    assert [path.name for path in DiskStore(tmp_path).blobs.iterdir()] == [content.hash]


def test_a_damaged_input_is_set_aside_and_an_error(tmp_path: Path) -> None:
    content = DiskStore(tmp_path).put(b"content")
    path = DiskStore(tmp_path).path(content)
    path.chmod(0o644)
    path.write_bytes(b"CONTENT")
    action = declare("x", inputs={"in": SourceFile(content, executable=False, path="")})
    with pytest.raises(BlobMismatch, match=content.hash):
        executor(tmp_path).run(bind(action))
    assert not path.exists()
    assert (DiskStore(tmp_path).quarantine / content.hash).read_bytes() == b"CONTENT"
