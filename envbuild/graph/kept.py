"""The declared graph of a build, kept for the next one.

Analysis reads specs, locks, Dockerfiles and folders, and of the files that go into images it only takes
the digests. While all that it read is as it was, a build after an edit of such files has the same graph
with other digests in it: nothing need be read, parsed or analysed to have it. As with the no-op memo
(memo.py), a file is as it was while its stat signature is, and any doubt is an answer of None.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from envbuild.core.dataclass import dataclass
from envbuild.core.digest import Digest
from envbuild.graph.codec import decode_goals, decode_results, encode_goals, encode_results
from envbuild.graph.goal import Goal, Results
from envbuild.graph.memo import (
    FAULTS,
    Signature,
    Signatures,
    graph_file,
    is_too_young,
    read_graph,
    sign,
    write,
)
from envbuild.options import SANDBOX
from envbuild.rule.builtins import RUN_STEP
from envbuild.rule.declared import walk

_FORMAT = 1
_MODE = 5  # where the mode stands in a signature


@dataclass(frozen=True, slots=True)
class Kept:
    """What a build rests on now: its goals, the results that hold still, and how it was asked for.

    `seen` are the signatures of now.
    """

    goals: tuple[Goal, ...]
    results: Results
    stated: Mapping[str, Any]
    seen: Signatures


def keep_graph(
    folder: str,
    key: str,
    goals: Sequence[Goal],
    results: Results,
    stated: Mapping[str, Any],
    seen: Signatures,
    now: int,
) -> bool:
    """Keep the graph of a build begun at `now` (nanoseconds since the epoch); False where it cannot be.

    `stated` says how the build was asked for. `seen` was signed before it was read; where a file of it is too
    young to tell a later change by its times, nothing is kept.
    """
    if is_too_young(seen.found.values(), now):
        return False
    known = {**_find_results(read_graph(folder, key), goals), **results}
    document = {
        "steps": _has_steps(goals, stated),
        "format": _FORMAT,
        "inputs": seen.found,
        "hashed": sorted(seen.hashed),
        "folders": _list_folders(seen.found),
        "stated": dict(stated),
        "results": encode_results(known),
        **encode_goals(goals),
    }
    return write(graph_file(folder, key), document)


def _has_steps(goals: Sequence[Goal], stated: Mapping[str, Any]) -> bool:
    """Whether steps run in the sandbox (memo.STEPS_BEGIN)."""
    actions = walk(*(goal.action for goal in goals))
    return stated["manner"]["executor"] == SANDBOX and any(each.builtin == RUN_STEP for each in actions)


def _find_results(text: str, goals: Sequence[Goal]) -> Results:
    """The results that are kept already: a build that found its images there knows of none."""
    try:
        return decode_results(_load(text)["results"], goals)
    except FAULTS:
        return {}


def _load(text: str) -> Any:
    document = json.loads(text)
    if document["format"] != _FORMAT:
        raise ValueError(document["format"])
    return document


def find_graph(text: str) -> Kept | None:
    """The graph that a file has, with the digests of now, if nothing that analysis read has changed since."""
    try:
        document = _load(text)
        now = _sign_again(document["inputs"], frozenset(document["hashed"]), document["folders"])
        return _read(document, now) if now is not None else None
    except FAULTS:
        return None


def _list_folders(signatures: Mapping[str, Signature]) -> dict[str, list[str]]:
    """What is in the folders that are still as they were when they were looked at."""
    folders = (path for path, found in signatures.items() if found and stat.S_ISDIR(found[_MODE]))
    listed = {path: _list(path) for path in folders}
    return {path: names for path, names in listed.items() if sign(path) == signatures[path]}


def _list(folder: str) -> list[str]:
    """The names in a folder, each with what it is; [] where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(f"{_tell_kind(entry)}{entry.name}" for entry in entries)
    except OSError:
        return []


def _tell_kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "@"
    return "/" if entry.is_dir() else "-" if entry.is_file() else "?"


def _sign_again(
    before: Mapping[str, Signature], hashed: frozenset[str], folders: Mapping[str, list[str]]
) -> dict[str, Signature] | None:
    """The signatures of now; None where there is more to it than other bytes in files that are only hashed.

    Editors that put a new file in the place of the old one change the folder's times, and nothing in it.
    """
    now = {path: sign(path) for path in before}
    for path, found in now.items():
        if found == before[path]:
            continue
        known = path in hashed or (path in folders and _list(path) == folders[path])
        if not (known and _is_same_kind(before[path], found)):
            return None
    return now


def _is_same_kind(one: Signature, other: Signature) -> bool:
    """Whether both are there with the same type and permissions; a link might lead elsewhere."""
    return bool(one and other) and one[_MODE] == other[_MODE] and not stat.S_ISLNK(one[_MODE])


def _read(document: Mapping[str, Any], now: dict[str, Signature]) -> Kept:
    before = document["inputs"]
    changed = {path for path in document["hashed"] if now[path] != before[path]}
    goals = decode_goals(document, _Rehashing(changed).digest_now)
    seen = Signatures(now, now.keys() - document["hashed"])
    return Kept(goals, decode_results(document["results"], goals), document["stated"], seen)


class _Rehashing:
    """Hashes the files that have changed anew, each once."""

    def __init__(self, changed: Collection[str]) -> None:
        self._changed = changed
        self._digests: dict[str, Digest] = {}

    def digest_now(self, path: str, known: Digest) -> Digest:
        """A DigestNow."""
        if path not in self._changed:
            return known
        if path not in self._digests:
            with open(path, "rb") as file:  # noqa: PTH123 (as above)
                self._digests[path] = Digest(hashlib.file_digest(file, "sha256").hexdigest(), file.tell())
        return self._digests[path]
