"""The no-op memo: the answer to one question, as long as no input's stat signature changed.

Analysis is pure, so what a command printed is a function of its arguments, of the files it looked
at, and of the images it named being there. One small file per question remembers that. Only the
standard library's light modules are imported here: this runs before click, YAML or a database.

What could make it wrong: a file changed twice within one tick of the file system's clock. So an
answer is not remembered while an input is younger than that tick, and the signature holds the
change time, which programs cannot set. A clock set back by hand so that a later change gets the
same times to the nanosecond would go unseen; `--no-memo` asks anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence

# No file system in use has a coarser clock than the 2 seconds of FAT; on it, times are whole
# seconds. Elsewhere a tick is at most 10 ms: leave room.
_TICK = 50_000_000
_COARSE_TICK = 2_500_000_000

# What reading a file raises that somebody else has written.
FAULTS = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)

Signature = list[int]
Published = Mapping[str, object]
"""What a registry must have for an answer to hold, as JSON."""
NOTHING: Published = {}


def sign(path: str) -> Signature:
    """The stat signature of a file, folder or link; [] where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev, found.st_mode]


class Signatures:
    """The stat signature of every file and folder that was looked at, taken before it was."""

    def __init__(self, found: Mapping[str, Signature] | None = None, read: Iterable[str] = ()) -> None:
        self.found = dict(found or {})
        self._read = set(read)

    def record(self, path: os.PathLike[str]) -> None:
        """Sign a path, the first time it is looked at."""
        self._read.add(self._sign(path))

    def record_hashed(self, path: os.PathLike[str]) -> None:
        """The same where nothing but its kind and its digest is taken."""
        self._sign(path)

    @property
    def hashed(self) -> set[str]:
        """The paths of which nothing but kind and digest was ever taken."""
        return self.found.keys() - self._read

    def _sign(self, path: os.PathLike[str]) -> str:
        text = os.fspath(path)
        if text not in self.found:
            self.found[text] = sign(text)
        return text


def question_key(version: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """What names a question: version, arguments, current folder, and the settings in the environment."""
    settings = {name: value for name, value in environment.items() if name.startswith("ENVBUILD_")}
    question = [version, sys.version, list(arguments), os.getcwd(), settings]  # noqa: PTH109 (pathlib is slow to import)
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


STEPS_BEGIN = '{"steps": true,'
"""How the file of a kept graph begins in which steps run in the sandbox."""


def graph_file(folder: str, key: str) -> str:
    """Where the graph of a question's build is kept (kept.py)."""
    return f"{folder}/{key}.graph.json"


def read_graph(folder: str, key: str) -> str:
    """The file of a kept graph; "" where there is none."""
    try:
        return _read(graph_file(folder, key))
    except (OSError, ValueError):
        return ""


def _text_file(folder: str, key: str) -> str:
    return f"{folder}/{key}.json"


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read()


def recall(folder: str, key: str) -> str | None:
    """The remembered text, if every input is as it was; any doubt or fault is None."""
    text, published = recall_published(folder, key) or (None, NOTHING)
    return None if published else text


def recall_published(folder: str, key: str) -> tuple[str, Published] | None:
    """The same with what a registry must have, which is for the caller to ask."""
    try:
        entry = json.loads(_read(_text_file(folder, key)))
        unchanged = all(sign(path) == signature for path, signature in entry["inputs"].items())
        there = all(bool(sign(path)) is there for path, there in entry["images"].items())
        return (str(entry["text"]), entry["published"]) if unchanged and there else None
    except FAULTS:
        return None


def remember(
    folder: str,
    key: str,
    text: str,
    inputs: Mapping[str, Signature],
    images: Mapping[str, bool],
    now: int,
    published: Published = NOTHING,
) -> bool:
    """Keep an answer given at `now` (nanoseconds since the epoch); False where an input is too young.

    `inputs` were signed before they were read; `images` are files that must be there, or must not, for the
    answer to hold. The file appears whole or not at all.
    """
    if is_too_young(inputs.values(), now):
        return False
    entry = {"text": text, "inputs": dict(inputs), "images": dict(images), "published": dict(published)}
    return write(_text_file(folder, key), entry)


def write(path: str, entry: Mapping[str, object]) -> bool:
    """Write a JSON object to a file that appears whole or not at all; False where the disk takes none."""
    from pathlib import Path

    from envbuild.store.temporary import replace_file

    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        replace_file(Path(path), json.dumps(entry).encode())
    except OSError:
        return False
    return True


def is_too_young(signatures: Iterable[Signature], now: int) -> bool:
    """Whether a change that comes after `now` might leave one of these as it is."""
    changed = [signature[1] for signature in signatures if signature]
    return any(time > now - (_TICK if time % 1_000_000_000 else _COARSE_TICK) for time in changed)
