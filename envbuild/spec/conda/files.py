"""Which files a `conda` attribute is read from, found without judging what stands in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from envbuild.core.errors import EnvbuildError
from envbuild.spec.conda.lock_file import MAX_BYTES
from envbuild.spec.conda.read import split_groups
from envbuild.spec.positions import Value, parse_yaml
from envbuild.spec.pyproject import Positioned
from envbuild.spec.requirement_files import RequirementFiles


def find_conda_files(
    stated: Value | Sequence[Positioned], folder: str, requirements: RequirementFiles
) -> Iterator[str]:
    """The real paths of all files that the attribute comes from, those of `pip` sections, too."""
    if isinstance(stated, Value):
        yield from requirements.find(_pip_lines(stated), folder)
        return
    for written, _ in stated:
        path = os.path.realpath(f"{folder}/{split_groups(written)[0]}")
        yield path
        if path.endswith((".yml", ".yaml")):
            yield from requirements.find(_pip_lines(_parse(path)), os.path.dirname(path))  # noqa: PTH120


def _parse(path: str) -> Value:
    """The document; an empty one where it cannot be read: that is for who needs its contents."""
    try:
        return parse_yaml(Path(path).read_bytes(), path, MAX_BYTES)
    except (OSError, ValueError, EnvbuildError):
        return parse_yaml(b"", path)


def _pip_lines(document: Value) -> Iterator[str]:
    """What stands in `pip` sections, and in the lists of a python_env.yaml."""
    for section in ("dependencies", "build_dependencies"):
        stated = document.entries.get(section)
        for item in stated.value.items if stated else ():
            yield item.text
            for entry in item.entries.values():
                yield from (each.text for each in entry.value.items)
