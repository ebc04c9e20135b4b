"""Exporting a target's lock: which packages, where they are now, and in which form."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from envbuild.build.plan import find_artifacts
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import UsageError
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.graph.analyze import Configured
from envbuild.graph.project import Project
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.export.conda_lock import write_conda_lock
from envbuild.lock.export.explicit import write_explicit
from envbuild.lock.export.packages import Environment, Places
from envbuild.lock.export.pylock import write_pylock
from envbuild.lock.export.requirements import write_requirements
from envbuild.lock.model import CondaQuestion, Locked, split_question
from envbuild.publish.parallel import Stop, run_parallel
from envbuild.rule.declared import walk
from envbuild.rule.image import Image
from envbuild.sources.channel import Channels, local_path
from envbuild.sources.index import PackageIndexes
from envbuild.sources.url import split_login

_REQUESTS = 8  # at a time: an index answers with a page per package

Write = Callable[[Mapping[Platform, Environment], Places], str]
_OF_ONE: Mapping[str, Callable[[str, Environment, Places], str]] = {
    "requirements": write_requirements,
    "explicit": write_explicit,
}
_OF_ALL: Mapping[str, Write] = {"pylock": write_pylock, "conda-lock": write_conda_lock}
LOCK_FORMATS = (*_OF_ONE, *_OF_ALL)
# What each holds, of wheels and conda packages; a file with nothing to hold is refused.
_WITHOUT_WHEELS, _WITHOUT_CONDA = ("explicit",), ("requirements", "pylock")


def find_channels(project: Project, label: Label) -> tuple[str, ...]:
    """The channels that a target and what it stands on ask, the first one first."""
    questions = (project.analyzer.questions(each).values() for each in project.with_dependencies([label]))
    singles = (single for each in questions for question in each for single in split_question(question))
    asked = (single.channels for single in singles if isinstance(single, CondaQuestion))
    return tuple(dict.fromkeys(name for names in asked for name in names))


@dataclass(frozen=True, slots=True)
class LockExporter:
    """Writes locks in other tools' forms; `root` is the workspace's folder.

    `asked` are the channels of the target, by aliases and URLs and in order of priority.
    """

    root: Path
    indexes: PackageIndexes
    channels: Channels
    asked: tuple[str, ...] = ()

    def export(self, target: Configured, form: str, folder: Path, platform: Platform | None) -> str:
        """The packages of a target, its base's among them, as one of LOCK_FORMATS.

        Paths in it are relative to `folder`. Only `pylock` and `conda-lock` ask an index. Raises
        UsageError for what the form cannot hold, and SourceError where an index no longer has a file.
        """
        environments = self._choose(target, form, platform)
        wheels = {wheel.sha256: wheel for each in environments.values() for wheel in each.wheels}
        places = {
            sha256: self._path(wheel.file, folder) for sha256, wheel in wheels.items() if wheel.is_local
        }
        places |= {each.sha256: self._locate(each) for part in environments.values() for each in part.conda}
        if form in _OF_ONE:
            return _OF_ONE[form](str(target.label), _only(environments, form), places)
        remote = [wheel for wheel in wheels.values() if not wheel.is_local]
        urls = run_parallel(self._find, remote, _REQUESTS)
        return _OF_ALL[form](environments, {**places, **dict(urls)})

    def _choose(
        self, target: Configured, form: str, platform: Platform | None
    ) -> dict[Platform, Environment]:
        """The packages of all platforms, or of one; raises UsageError where there are none."""
        if platform and platform not in target.images:
            listed = " or ".join(f"`--platform {each}`" for each in target.images)
            raise UsageError(f"`{target.label}` is not built for `{platform}`", hint=f"use {listed}")
        chosen = {each: image for each, image in target.images.items() if platform in (None, each)}
        found = {each: self._environment(image, form) for each, image in chosen.items()}
        if not any(each.wheels or each.conda for each in found.values()):
            kind, stated = (
                ("conda", "`conda`") if form in _WITHOUT_WHEELS else ("Python", "`conda`, `pip` or `wheels`")
            )
            raise UsageError(
                f"`{target.label}` has no {kind} packages to export",
                hint=f"name an `environment` with {stated}",
            )
        return found

    def _environment(self, image: Image, form: str) -> Environment:
        """What a form holds of an image: of its pins, those of conda are in conda's own packages."""
        wheels = (each for _, each in sorted(image.pins.items()) if each.kind != CONDA)
        conda = () if form in _WITHOUT_CONDA else _find_conda(image)
        channels = tuple(self._public(self.channels.locate(name).urls[0]) for name in self.asked if conda)
        return Environment(
            image.facts, () if form in _WITHOUT_WHEELS else tuple(wheels), tuple(conda), channels
        )

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

    def _locate(self, package: Locked) -> str:
        """The URL of a conda package."""
        if package.is_url:
            return self._public(package.file)
        return self._public(f"{self.channels.locate(package.source).urls[0]}/{package.file}")

    def _public(self, url: str) -> str:
        """A URL of conda; one that only this workspace has would tell of the machine."""
        if url.startswith("file:") and local_path(url).resolve().is_relative_to(self.root.resolve()):
            raise UsageError(
                "a channel of the workspace's own folder has no URL for others",
                hint="serve it, and name its `https:` URL in envbuild.yaml",
            )
        return url if url.startswith("file:") else split_login(url)[0]

    def _find(self, wheel: Locked, stop: Stop) -> tuple[str, str]:
        """A wheel's sha256, and the URL where it is now, without credentials."""
        if wheel.is_url:
            return wheel.sha256, wheel.file
        stop.check()
        url = self.indexes.find(wheel.source, wheel.name, wheel.file, wheel.sha256)
        return wheel.sha256, split_login(url)[0]


def _find_conda(image: Image) -> Iterable[Locked]:
    found = find_artifacts(walk(image.action)).values()
    return sorted((each for each in found if each.kind == CONDA), key=lambda each: each.name)


def _only(environments: Mapping[Platform, Environment], form: str) -> Environment:
    if len(environments) > 1:
        listed = " or ".join(f"`--platform {each}`" for each in environments)
        raise UsageError(f"a {form} file holds one platform", hint=f"add {listed}")
    (environment,) = environments.values()
    return environment
