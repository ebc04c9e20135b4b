"""Exporting a target's lock: which packages, where they are now, and in which form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import UsageError
from envbuild.core.platform import Platform
from envbuild.graph.analyze import Configured
from envbuild.lock.export.conda_lock import write_conda_lock
from envbuild.lock.export.packages import Environment, Places
from envbuild.lock.export.pylock import write_pylock
from envbuild.lock.export.requirements import write_requirements
from envbuild.lock.model import Locked
from envbuild.publish.parallel import Stop, run_parallel
from envbuild.rule.image import Image
from envbuild.sources.index import PackageIndexes
from envbuild.sources.url import split_login

_REQUESTS = 8  # at a time: an index answers with a page per package

Write = Callable[[Mapping[Platform, Environment], Places], str]
_URL_FORMATS: Mapping[str, Write] = {"pylock": write_pylock, "conda-lock": write_conda_lock}
LOCK_FORMATS = ("requirements", *_URL_FORMATS)


@dataclass(frozen=True, slots=True)
class LockExporter:
    """Writes locks in other tools' forms; `root` is the workspace's folder."""

    root: Path
    indexes: PackageIndexes

    def export(self, target: Configured, form: str, folder: Path, platform: Platform | None) -> str:
        """The Python packages of a target, its base's among them, as one of LOCK_FORMATS.

        Paths in it are relative to `folder`. Only `requirements` asks no index. Raises UsageError for
        what the form cannot hold, and SourceError where an index no longer has a file.
        """
        environments = _choose(target, platform)
        wheels = {wheel.sha256: wheel for each in environments.values() for wheel in each.wheels}
        local = {sha256: self._path(wheel.file, folder) for sha256, wheel in wheels.items() if wheel.is_local}
        if form not in _URL_FORMATS:
            return write_requirements(str(target.label), _only(environments, form), local)
        remote = [wheel for wheel in wheels.values() if not wheel.is_local]
        urls = run_parallel(self._find, remote, _REQUESTS)
        return _URL_FORMATS[form](environments, {**local, **dict(urls)})

    def _path(self, file: str, folder: Path) -> str:
        """A workspace's file as seen from `folder`; from outside, the path would tell of this machine."""
        root, there = self.root.resolve(), folder.resolve()
        if not there.is_relative_to(root):
            raise UsageError(
                f"the local wheel `{file}` can only be named from inside of the workspace",
                hint="write the file below the workspace's folder",
            )
        path = os.path.relpath(root / file, there)
        return path if path.startswith("../") else f"./{path}"

    def _find(self, wheel: Locked, stop: Stop) -> tuple[str, str]:
        """A wheel's sha256, and the URL where it is now, without credentials."""
        if wheel.is_url:
            return wheel.sha256, wheel.file
        stop.check()
        url = self.indexes.find(wheel.source, wheel.name, wheel.file, wheel.sha256)
        return wheel.sha256, split_login(url)[0]


def _choose(target: Configured, platform: Platform | None) -> dict[Platform, Environment]:
    """The packages of all platforms, or of one; raises UsageError where there are none."""
    if platform and platform not in target.images:
        listed = " or ".join(f"`--platform {each}`" for each in target.images)
        raise UsageError(f"`{target.label}` is not built for `{platform}`", hint=f"use {listed}")
    chosen = {each: image for each, image in target.images.items() if platform in (None, each)}
    if not any(image.pins for image in chosen.values()):
        raise UsageError(
            f"`{target.label}` has no Python packages to export",
            hint="name an `environment` with `pip` or `wheels`",
        )
    return {each: _environment(image) for each, image in chosen.items()}


def _environment(image: Image) -> Environment:
    return Environment(image.facts, tuple(wheel for _, wheel in sorted(image.pins.items())))


def _only(environments: Mapping[Platform, Environment], form: str) -> Environment:
    if len(environments) > 1:
        listed = " or ".join(f"`--platform {each}`" for each in environments)
        raise UsageError(f"a {form} file holds one platform", hint=f"add {listed}")
    (environment,) = environments.values()
    return environment
