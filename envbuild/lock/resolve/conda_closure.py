"""Of channels that tell of each package by itself: what a solver may need, as indexes that it can read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from envbuild.lock.check_conda import spec_name
from envbuild.sources.channel_shards import Shards

# What an index knows of a package's dependencies, over all of its builds.
Depends = Callable[[str], Iterable[str]]
_Sections = Mapping[str, Mapping[str, Any]]


def write_closures(
    names: Iterable[str],
    shards: Sequence[Shards],
    others: Sequence[Depends],
    folder: Path,
    threads: ThreadPoolExecutor,
) -> list[Path]:
    """A repodata.json for each of `shards`, with all that `names` can lead to through any index.

    Raises SourceError.
    """
    found: list[dict[str, _Sections]] = [{} for _ in shards]
    known: set[str] = set()
    ahead = set(names)
    while ahead:
        known |= ahead
        asked = [(number, name) for name in sorted(ahead) for number in range(len(shards))]
        answers = threads.map(lambda each: shards[each[0]].records(each[1]), asked)
        texts = [text for depends in others for name in sorted(ahead) for text in depends(name)]
        for (number, name), sections in zip(asked, answers, strict=True):
            found[number][name] = sections
            texts += _dependencies(sections)
        ahead = {spec_name(text) for text in texts} - known
    return [_write(folder / f"{number}.json", part.values()) for number, part in enumerate(found)]


def _dependencies(sections: _Sections) -> Iterable[str]:
    for records in sections.values():
        for record in records.values():
            depends = record.get("depends") if isinstance(record, dict) else None
            yield from (str(text) for text in depends or ())


def _write(path: Path, parts: Iterable[_Sections]) -> Path:
    merged: dict[str, dict[str, Any]] = {"packages": {}, "packages.conda": {}}
    for sections in parts:
        for name, records in sections.items():
            merged[name] |= records
    path.write_text(json.dumps(merged))
    return path
