from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from envbuild.core.digest import Digest
from envbuild.core.errors import BlobMissing, StoreError
from envbuild.store.disk import DiskStore
from envbuild.store.faults import BlobMismatch, StoreReadOnly, store_fault
from tests.makers.processes import close_folders, run_python

HELLO = Digest.of(b"hello")


@pytest.fixture
def store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "store")


def test_a_blob_is_read_back(store: DiskStore) -> None:
    digest = store.put(b"hello")
    assert digest == HELLO
    assert store.has(HELLO)
    assert store.read(HELLO) == b"hello"
    assert store.path(HELLO).read_bytes() == b"hello"


def test_a_blob_lies_where_an_oci_layout_has_it_and_nobody_may_write_it(store: DiskStore) -> None:
    store.put(b"hello")
    path = store.root / "blobs" / "sha256" / HELLO.hash
    assert path.stat().st_mode & 0o777 == 0o444


def test_nothing_is_made_before_the_first_blob(store: DiskStore) -> None:
    assert not store.has(HELLO)
    assert store.missing([HELLO]) == {HELLO}
    assert not store.root.exists()


def test_a_missing_blob_is_named(store: DiskStore) -> None:
    for ask in (store.read, store.path):
        with pytest.raises(BlobMissing, match=HELLO.hash):
            ask(HELLO)


def test_the_size_is_part_of_a_digest(store: DiskStore) -> None:
    store.put(b"hello")
    assert not store.has(Digest(HELLO.hash, 6))


def test_a_writer_knows_the_digest_so_far(store: DiskStore) -> None:
    with store.writer() as writer:
        writer.write(b"hel")
        assert writer.digest() == Digest.of(b"hel")
        writer.write(b"lo")
        assert writer.digest() == writer.commit() == HELLO


def test_a_writer_that_is_left_drops_its_bytes(store: DiskStore) -> None:
    with store.writer() as writer:
        writer.write(b"hello")
    assert not store.has(HELLO)
    assert list(store.temporary.iterdir()) == []


def test_bytes_other_than_expected_are_not_kept(store: DiskStore) -> None:
    with store.writer() as writer:
        writer.write(b"jello")
        with pytest.raises(BlobMismatch):
            writer.commit(HELLO)
    assert list(store.blobs.parent.rglob("*")) == []
    assert list(store.temporary.iterdir()) == []


def test_a_truncated_blob_is_missing_and_is_mended(store: DiskStore) -> None:
    store.put(b"hello")
    path = store.path(HELLO)
    path.chmod(0o644)
    path.write_bytes(b"hel")
    assert store.missing([HELLO]) == {HELLO}
    store.put(b"hello")
    assert store.read(HELLO) == b"hello"


def test_a_damaged_blob_is_found_when_read_and_missing_from_then_on(store: DiskStore) -> None:
    store.put(b"hello")
    path = store.path(HELLO)
    path.chmod(0o644)
    path.write_bytes(b"jello")
    with pytest.raises(BlobMismatch):
        store.read(HELLO)
    assert not store.has(HELLO)
    store.put(b"hello")
    assert store.read(HELLO) == b"hello"


def test_a_good_blob_is_not_replaced(store: DiskStore) -> None:
    # Others may have it mapped.
    store.put(b"hello")
    before = store.path(HELLO).stat()
    with store.writer() as writer:
        writer.write(b"hello")
        writer.commit()
    assert store.path(HELLO).stat().st_ino == before.st_ino
    assert list(store.temporary.iterdir()) == []


def test_a_folder_in_a_blobs_place_is_no_blob(store: DiskStore) -> None:
    (store.blobs / HELLO.hash).mkdir(parents=True)
    assert not store.has(HELLO)


def test_writing_parts_counts_bytes_of_any_view(store: DiskStore) -> None:
    with store.writer() as writer:
        assert writer.write(b"he") == 2
        assert writer.write(memoryview(b"llo!").cast("H")) == 4
        assert writer.commit() == Digest.of(b"hello!")


def test_many_threads_put_the_same_blobs(store: DiskStore) -> None:
    blobs = [bytes([n]) * 1000 for n in range(50)]

    def put_all() -> None:
        for blob in blobs:
            store.put(blob)

    threads = [threading.Thread(target=put_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.read(Digest.of(blob)) for blob in blobs] == blobs
    assert list(store.temporary.iterdir()) == []


PUT_ALL = """
import sys
from pathlib import Path
from envbuild.store.disk import DiskStore
store = DiskStore(Path(sys.argv[1]))
for n in range(100):
    store.put(bytes([n]) * 5000)
"""


def test_several_processes_put_the_same_blobs(store: DiskStore) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", PUT_ALL, store.root]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    for n in range(100):
        assert store.read(Digest.of(bytes([n]) * 5000)) == bytes([n]) * 5000
    assert len(list(store.blobs.iterdir())) == 100
    assert list(store.temporary.iterdir()) == []


WRITE_AND_HANG = """
import sys
from pathlib import Path
from envbuild.store.disk import DiskStore
with DiskStore(Path(sys.argv[1])).writer() as writer:
    writer.write(b"h" * 100_000)
    print("written", flush=True)
    sys.stdin.read()
"""


def hanging_writer(store: DiskStore) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE_AND_HANG, str(store.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def test_a_killed_writer_leaves_nothing_readable_and_is_swept(store: DiskStore) -> None:
    process = hanging_writer(store)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not store.blobs.exists()
    assert len(list(store.temporary.iterdir())) == 1
    store.put(b"hello")  # the first write of this process sweeps
    assert list(store.temporary.iterdir()) == []


def test_a_living_writer_is_not_swept(store: DiskStore) -> None:
    process = hanging_writer(store)
    assert store.sweep() == 0
    assert len(list(store.temporary.iterdir())) == 1
    process.communicate("")
    assert process.returncode == 0


READ_ONLY = """
import sys
from pathlib import Path
from envbuild.core.digest import Digest
from envbuild.core.errors import StoreError
from envbuild.store.disk import DiskStore
from tests.makers.processes import become_nobody
become_nobody()
store = DiskStore(Path(sys.argv[1]))
assert store.read(Digest.of(b"hello")) == b"hello"
store.put(b"hello")
try:
    store.put(b"new")
except StoreError as error:
    print(type(error).__name__, error.hint)
"""


def test_a_store_that_cannot_be_written_can_be_read(public_folder: Path) -> None:
    store = DiskStore(public_folder / "store")
    store.put(b"hello")
    close_folders(store.root)
    done = run_python(READ_ONLY, store.root)
    assert done.stderr == ""
    assert done.stdout == "StoreReadOnly choose another store with `--cache-dir`\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_a_hint(tmp_path: Path, code: int) -> None:
    error = store_fault(OSError(code, os.strerror(code)), tmp_path)
    assert isinstance(error, StoreError)
    assert "full" in error.message
    assert "envbuild cache gc" in error.hint


FULL = """
import resource, signal, sys
from pathlib import Path
from envbuild.core.errors import StoreError
from envbuild.store.disk import DiskStore
store = DiskStore(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    store.put(b"x" * 50_000)
except StoreError as error:
    print(error.message)
print(sorted(path.name for path in store.root.rglob("*") if path.is_file()))
"""


def test_a_write_that_the_system_refuses_leaves_nothing(store: DiskStore) -> None:
    done = run_python(FULL, store.root)
    assert done.stderr == ""
    assert "cannot be used: File too large" in done.stdout
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_read_only_disk_is_told_from_a_broken_one(tmp_path: Path, code: int) -> None:
    assert isinstance(store_fault(OSError(code, ""), tmp_path), StoreReadOnly)
    assert not isinstance(store_fault(OSError(errno.EIO, ""), tmp_path), StoreReadOnly)


@pytest.mark.parametrize("code", [errno.ENOTDIR, errno.ENOENT, errno.EIO])
def test_a_place_that_can_be_no_store_has_a_hint(tmp_path: Path, code: int) -> None:
    # Every action fails by it: only errors that share a hint are folded.
    error = store_fault(OSError(code, os.strerror(code)), tmp_path)
    assert error.message.endswith(f"cannot be used: {os.strerror(code)}")
    assert error.hint == "choose another store with `--cache-dir`"
