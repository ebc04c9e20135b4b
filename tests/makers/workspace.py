"""Small workspaces in a folder, and what went wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from envbuild.core.errors import EnvbuildError, ErrorGroup
from envbuild.rule import attr
from envbuild.spec.schema import Schema

# The attributes of two rules, as test targets use them.
BASE: Schema = {"packages": attr.text_list(doc="names"), "platforms": attr.platforms()}
APP: Schema = {
    "base": attr.label(required=True, keywords=("scratch",), doc="what it stands on"),
    "beside": attr.labels(doc="what it goes with"),
    "python": attr.text(doc="a version"),
    "pip": attr.requirements(doc="requirements"),
    "wheels": attr.wheels(doc="wheel files"),
    "files": attr.files(doc="files"),
    "license": attr.file(doc="a file"),
    "variables": attr.text_map(doc="variables"),
    "command": attr.text_list(doc="arguments"),
    "strip": attr.boolean(doc="whether to"),
    "level": attr.integer(doc="a number"),
    "mode": attr.text(choices=("fast", "small"), default="fast", doc="a choice"),
    "platforms": attr.platforms(),
}
SCHEMAS: Mapping[str, Schema] = {"base": BASE, "app": APP}


def write_files(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below `root`, texts without their common indentation; returns `root`."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
    return root


def failures(call: Callable[[], object]) -> list[str]:
    """The errors of a call that must fail, each as a user sees it."""
    with pytest.raises(EnvbuildError) as caught:
        call()
    error = caught.value
    return [str(each) for each in (error.errors if isinstance(error, ErrorGroup) else (error,))]


class Looks:
    """A recorder that keeps what was looked at, relative to a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.names: list[str] = []

    def record(self, path: Path) -> None:
        """Keep the path."""
        assert path.is_absolute()
        if path.is_relative_to(self._root):
            self.names.append(path.relative_to(self._root).as_posix())

    def record_hashed(self, path: Path) -> None:
        """Keep the path."""
        self.record(path)
