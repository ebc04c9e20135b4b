"""Targets in memory, with the shipped rules and with locks that fit: nothing is read or resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from envbuild.core.digest import Digest
from envbuild.core.errors import Location
from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.graph.analyze import Analyzer, Configured, Settings
from envbuild.lock.base_image import BaseImage, Folder, Root
from envbuild.lock.check import record_inputs
from envbuild.lock.model import Build, ImageQuestion, Index, Lock, Locked, PlatformLock
from envbuild.rule.image import Image
from envbuild.rule.kind import Rule
from envbuild.rule.loader import load_rules
from envbuild.spec.attribute import Attribute, Kind
from envbuild.spec.files import FileEntry
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.requirements import Requirements
from envbuild.spec.targets import Target
from tests.makers.wheels import Wheel

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
EPOCH = 315532800
SETTINGS = Settings((Index("pypi", ""),), EPOCH)
BOOKWORM = {"libc": "glibc 2.36", "python": "3.11.2", "interpreter": "/usr/bin/python3.11"}
_EMPTY = {Kind.REQUIREMENTS: Requirements(), Kind.WHEELS: (), Kind.FILES: ()}


RULES: Mapping[str, Rule] = load_rules((), Path("/nowhere"), Unrecorded())


def make_locked(name: str, version: str = "1.0", *, size: int = 1000, kind: str = "wheel") -> Locked:
    """An artifact that exists on paper only; its contents depend on name and version."""
    files = {"wheel": f"{name}-{version}-py3-none-any.whl", "sdist": f"{name}-{version}.tar.gz"}
    file = files.get(kind, f"pool/{name}_{version}.deb")
    sha256 = hashlib.sha256(file.encode()).hexdigest()
    return Locked(kind, name, version, "pypi" if kind in files else "debian", file, sha256, size)


def lock_wheel(wheel: Wheel) -> Locked:
    """A wheel that has bytes, as a lock has it."""
    name, version, *_ = wheel.file_name.split("-")
    sha256 = hashlib.sha256(wheel.data).hexdigest()
    return Locked("wheel", name, version, "pypi", wheel.file_name, sha256, len(wheel.data))


def make_base_image() -> BaseImage:
    """An image of a registry that exists on paper only."""
    sha256 = [hashlib.sha256(text).hexdigest() for text in (b"one", b"two")]
    layers = (
        Locked("tar+gzip", f"layer-{n:03}", f"sha256:{each}", "", "oci://reg.example/team/base", each, 1000)
        for n, each in enumerate(sha256)
    )
    return BaseImage(
        named=f"sha256:{sha256[0]}",
        manifest=Digest(sha256[1], 500),
        layers=tuple(layers),
        config={"Env": ["PATH=/usr/bin", "LANG=C.UTF-8"], "Cmd": ["python3"], "WorkingDir": "/srv"},
        facts=BOOKWORM,
        root=Root(links={"bin": "usr/bin"}, folders={"tmp": Folder(0o1777)}),
    )


def make_file(destination: str, content: bytes = b"x", *, executable: bool = False) -> FileEntry:
    """A file of the workspace, which lies nowhere."""
    return FileEntry(destination, Path("/nowhere/x"), Digest.of(content), executable)


@dataclass
class World:
    """Targets with their locks; `analyzer` looks at what there is now."""

    targets: dict[Label, Target] = field(default_factory=dict)
    locks: dict[Label, Lock] = field(default_factory=dict)
    settings: Settings = SETTINGS

    @property
    def analyzer(self) -> Analyzer:
        """A new one: analyzers remember."""
        return Analyzer(self.targets.__getitem__, self.locks.get, RULES, self.settings)

    def configure(self, label: Label, *platforms: Platform) -> Configured:
        """The target with its actions declared."""
        return self.analyzer.configure(label, platforms)

    def declare(self, kind: str, name: str, **attributes: object) -> Label:
        """A target without a lock; `platforms` are those of Linux on x86-64 unless stated."""
        label = Label("", name)
        known = {key: _default(attribute) for key, attribute in RULES[kind].attributes.items()}
        assert attributes.keys() <= known.keys()
        values = {**known, **attributes}
        maps = (value.values() for value in values.values() if isinstance(value, dict))
        named = (*values.values(), *(each for value in maps for each in value))
        below = tuple(value for value in named if isinstance(value, Label))
        self.targets[label] = Target(label, kind, values, below, Location("BUILD.yaml", 1, 3))
        return label

    def lock(self, label: Label, artifacts: Sequence[Locked], facts: Mapping[str, str]) -> Label:
        """Lock a target: the same artifacts for each of its platforms."""
        analyzer = self.analyzer
        platforms = analyzer.platforms(label)
        questions = {each: analyzer.question(label, each) for each in platforms}
        asked = {each: question for each, question in questions.items() if question is not None}
        part = PlatformLock(tuple(sorted(artifacts)), facts)
        inputs = record_inputs(asked)
        self.locks[label] = Lock(self.targets[label].kind, inputs, dict.fromkeys(platforms, part))
        return label

    def lock_builds(self, label: Label, **builds: Build) -> Label:
        """Let the lock of a target say how its sdists are built, by their names with `_` for `-`."""
        named = {name.replace("_", "-"): build for name, build in builds.items()}
        lock = self.locks[label]
        parts = {platform: replace(part, builds=named) for platform, part in lock.platforms.items()}
        self.locks[label] = replace(lock, platforms=parts)
        return label

    def debian(
        self,
        name: str = "base",
        debs: Sequence[Locked] = (),
        facts: Mapping[str, str] = BOOKWORM,
        **more: Any,
    ) -> Label:
        """A locked `debian_base` of these packages."""
        packages = tuple(deb.name for deb in debs)
        label = self.declare("debian_base", name, **{"suite": "bookworm", "packages": packages, **more})
        return self.lock(label, debs, facts)

    def image(self, name: str = "image", base: BaseImage | None = None, **more: Any) -> Label:
        """A locked `base_image` of Debian 12 with Python, in two layers."""
        label = self.declare("base_image", name, **{"image": "reg.example/team/base:1", **more})
        platforms = self.analyzer.platforms(label)
        question = self.analyzer.question(label, platforms[0])
        assert isinstance(question, ImageQuestion)
        part = PlatformLock((), images={question.references[0]: base or make_base_image()})
        inputs = record_inputs({platforms[0]: question})
        self.locks[label] = Lock("base_image", inputs, dict.fromkeys(platforms, part))
        return label

    def environment(self, name: str = "app", packages: Sequence[Locked] = (), **more: Any) -> Label:
        """A locked `environment` of these packages, on nothing unless a base is stated."""
        bare = {} if "base" in more else {"base": "scratch", "libc": "glibc 2.36", "python": "3.11"}
        asked = {
            "pip": Requirements(requirements=tuple(sorted(p.name for p in packages if p.is_python))),
            "apt": tuple(sorted(p.name for p in packages if p.kind == "deb")),
        }
        label = self.declare("environment", name, **{**asked, **bare, **more})
        return self.lock(label, packages, {"python": "3.11"})

    def restate(self, label: Label, **attributes: object) -> None:
        """Change attributes of a target, and nothing of its lock."""
        target = self.targets[label]
        self.targets[label] = replace(target, attributes={**target.attributes, **attributes})


def image_of(world: World, label: Label) -> Image:
    """A target's image for amd64, as it is declared."""
    return world.configure(label).images[AMD64]


def owners(image: Image) -> list[tuple[str, ...]]:
    """What is in each layer, bottom first."""
    return [layer.packages for layer in image.layers]


def _default(attribute: Attribute) -> object:
    """What a rule gets for an attribute that is not stated."""
    return _EMPTY.get(attribute.kind, attribute.default)
