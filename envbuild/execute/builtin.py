"""Runs the builtins in this process: pure functions from stored blobs to stored blobs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from envbuild.core.action import Action, ActionResult
from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest
from envbuild.core.errors import BuildError
from envbuild.core.events import ResultSource
from envbuild.core.protocols import BlobSink, BlobStore
from envbuild.execute.outputs import commit_outputs
from envbuild.rule.builtins import DEFINITION, PARAMETERS
from envbuild.rule.declared import Builtin
from envbuild.rule.purity import unwatched, watch_purity


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a builtin, which fills `outputs` from the rest and looks at nothing else.

    `parameters` are what the rule declared; `inputs` read-only files by input path, in order of
    path, with the very bytes that are in the key; `definition` is the action's definition digest
    ("" unless the rule asked for it). `known` are those inputs that need no look before they are used:
    who hands a job on tells of them at once.
    """

    parameters: Mapping[str, Any]
    inputs: Mapping[str, Path]
    outputs: Mapping[str, BlobSink]
    definition: str = ""
    known: Mapping[str, Path] = field(default_factory=dict)


Function = Callable[[Job], None]
"""A builtin: raises EnvbuildError for bad input; any other error is a bug, but for those of parsers.

To open a file that is no input, to ask the network and to run a program is a bug, too (Undeclared).
"""


class _SoundInputs(Mapping[str, Path]):
    """Inputs in order of path, each hashed before it is first handed out, unless this process made it.

    All are there, as the executor has seen; what a function does not look at costs nothing.
    """

    def __init__(self, store: BlobStore, digests: Mapping[str, Digest]) -> None:
        self._store = store
        self._digests = dict(sorted(digests.items()))

    def __getitem__(self, path: str) -> Path:
        with unwatched():
            return self._store.sound_path(self._digests[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)


class BuiltinExecutor:
    """An Executor whose commands are functions of a table; inputs must be in the store already.

    At most `limit` functions run at a time, and others wait their turn. What they wrote is flushed after
    their turn: that takes the disk, and no core.
    """

    def __init__(self, store: BlobStore, builtins: Mapping[Builtin, Function], limit: int) -> None:
        self._store = store
        self._builtins = builtins
        self._turns = threading.BoundedSemaphore(limit)

    def run(self, action: Action) -> tuple[ActionResult, ResultSource]:
        """Run the builtin; raises EnvbuildError, and then no output is kept."""
        function = self._find(action)
        paths = {path: self._store.path(digest) for path, digest in action.inputs.items()}
        with ExitStack() as stack:
            outputs = {
                path: stack.enter_context(self._store.writer()) for path in action.command.output_paths
            }
            job = Job(
                parameters=json.loads(action.inline[PARAMETERS]),
                inputs=_SoundInputs(self._store, action.inputs),
                outputs=outputs,
                definition=action.inline.get(DEFINITION, b"").decode(),
                known={
                    path: paths[path] for path, digest in action.inputs.items() if self._store.knows(digest)
                },
            )
            given = set(map(str, paths.values()))
            with self._turns, _named(action), watch_purity(given):
                function(job)
            result = commit_outputs(self._store, outputs)
        return result, ResultSource.EXECUTED

    def _find(self, action: Action) -> Function:
        _, name, version = action.command.arguments
        try:
            return self._builtins[Builtin(name, int(version))]
        except KeyError:
            raise BuildError(f"this envbuild has no builtin `{name}` of version {version}") from None


@contextmanager
def _named(action: Action) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not isinstance(error, _bad_bytes()):
            raise
        what = f"{action.mnemonic} {action.subject}".strip()
        kind = type(error).__name__
        raise BuildError(f"`{what}`: an input is not what it claims to be: {error} ({kind})") from error


def _bad_bytes() -> tuple[type[Exception], ...]:
    """What the standard library's parsers raise on hostile bytes. Anything else is a bug of ours."""
    import gzip
    import lzma
    import struct
    import tarfile
    import zipfile
    import zlib

    return (
        zipfile.BadZipFile,
        zlib.error,
        gzip.BadGzipFile,
        lzma.LZMAError,
        tarfile.TarError,
        struct.error,
        json.JSONDecodeError,
        UnicodeError,
        EOFError,
    )
