"""envbuild.yaml: the workspace's root, its sources and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envbuild import __version__
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import Location, SpecError, UsageError
from envbuild.core.pattern import compile_later
from envbuild.spec.attribute import Attribute, Kind
from envbuild.spec.build_file import read_spec
from envbuild.spec.positions import Entry, Shape, Value, parse_yaml
from envbuild.spec.problems import Problems
from envbuild.spec.recorder import Recorder
from envbuild.spec.schema import Schema, Scope, check_attributes, refuse_unknown
from envbuild.spec.settings import (
    BuildSettings,
    CacheSettings,
    read_build_settings,
    read_cache_settings,
)
from envbuild.spec.sources import Source, read_sources
from envbuild.spec.wheels import resolve_path

WORKSPACE_FILE = "envbuild.yaml"

# 1980-01-01 00:00:00 UTC, the first time that zip tools can write; ustar's field ends at 8**11.
_FIRST_EPOCH, _END_OF_EPOCHS = 315_532_800, 8**11
_REGISTRY = compile_later(r"[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[a-z0-9._-]+)*\Z|\[[0-9a-fA-F:]+\](?::\d{1,5})?\Z")
_HOST = compile_later(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?\Z")
# A repository's name and a tag as the OCI distribution spec has them ("Pulling manifests").
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = compile_later(rf"{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?\Z")

_AT_LEAST = compile_later(r">=([0-9]{1,9}(?:\.[0-9]{1,9}){0,9})")

_TEXTS: Schema = {
    "required_version": Attribute(Kind.TEXT, default=""),
    "registry": Attribute(Kind.TEXT, default=""),
    "plain_http": Attribute(Kind.TEXT_LIST, default=()),
    "image": Attribute(Kind.TEXT, default="envs/env_{hash}"),
    "rules": Attribute(Kind.TEXT_LIST, default=()),
    "epoch": Attribute(Kind.INTEGER, default=_FIRST_EPOCH),
}


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace. `sources` stand in order of priority; `rules` are folders with rule modules.

    `registry` is "" where none is stated; `plain_http` are hosts spoken to without TLS; `image`
    names an image from its `{hash}`; `epoch` is the time of every file in a layer, in Unix seconds.
    """

    root: Path
    required_version: str
    sources: tuple[Source, ...]
    registry: str
    plain_http: tuple[str, ...]
    image: str
    rules: tuple[Path, ...]
    epoch: int
    build: BuildSettings
    cache: CacheSettings


def find_workspace(start: Path, recorder: Recorder) -> Path:
    """The nearest folder with an envbuild.yaml, `start` or above it; raises UsageError."""
    start = start.absolute()
    found = enclosing_workspace(start, recorder)
    if found is None:
        raise UsageError(
            f"`{start}` is in no workspace: there is no `{WORKSPACE_FILE}` there or above",
            hint="run `envbuild init`, or name the folder with `--workspace`",
        )
    return found


def enclosing_workspace(start: Path, recorder: Recorder) -> Path | None:
    """The nearest folder with an envbuild.yaml, the absolute `start` or above it; None without one."""
    for folder in (start, *start.parents):
        recorder.record(folder / WORKSPACE_FILE)
        if (folder / WORKSPACE_FILE).is_file():
            return folder
    return None


def load_workspace(root: Path, recorder: Recorder) -> Workspace:
    """Read the workspace file in `root`; raises SpecError, or an ErrorGroup of all there are."""
    data = read_spec(root / WORKSPACE_FILE, WORKSPACE_FILE, recorder)
    document = parse_yaml(data, WORKSPACE_FILE)
    if document.shape not in (Shape.MAPPING, Shape.NULL):
        hint = "write `required_version: ...` and other settings, or leave the file empty"
        raise SpecError(
            f"must be a mapping, not {document.shape.value}", hint=hint, location=document.location
        )
    # A newer version may know more: what it needs is asked before anything else is refused.
    _check_version(document.entries)
    problems = Problems()
    workspace = _read_workspace(root, document, problems, recorder)
    problems.raise_if_any()
    return workspace


def _fits(wanted: str, location: Location) -> bool:
    """Whether this version is a wanted one; raises SpecError."""
    least, own = _AT_LEAST.fullmatch(wanted), _AT_LEAST.fullmatch(f">={__version__}")
    if least and own:  # else packaging is loaded, which takes longer than all else of the file
        return _numbers(own[1]) >= _numbers(least[1])
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise SpecError(
            f"`{wanted}` is no version range", hint='write `">=1.2"`', location=location
        ) from None


def _numbers(version: str) -> list[int]:
    """The numbers of a release, which trailing zeros do not change (PEP 440)."""
    numbers = [int(each) for each in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def _check_version(stated: Mapping[str, Entry]) -> None:
    entry = stated.get("required_version")
    if entry is None or entry.value.shape is not Shape.TEXT:
        return
    wanted, location = entry.value.text, entry.value.location
    if not _fits(wanted, location):
        raise SpecError(
            f"this workspace needs envbuild `{wanted}`, and this is `{__version__}`",
            hint=f"run `pip install 'envbuild{wanted}'`",
            location=location,
        )


def _read_workspace(root: Path, document: Value, problems: Problems, recorder: Recorder) -> Workspace:
    stated = document.entries
    refuse_unknown(stated, (*_TEXTS, "build", "cache", "sources"), "the workspace", problems)
    texts = {name: entry for name, entry in stated.items() if name in _TEXTS}
    checked = check_attributes(texts, _TEXTS, Scope("the workspace", "", document.location), problems)
    _check_names(checked, stated, problems)
    nothing = Value(Shape.NULL, document.location)
    return Workspace(
        root=root,
        required_version=checked["required_version"],
        sources=read_sources(stated["sources"].value if "sources" in stated else nothing, root, problems),
        registry=checked["registry"],
        plain_http=checked["plain_http"],
        image=checked["image"],
        rules=_read_folders(root, stated.get("rules"), problems, recorder),
        epoch=checked["epoch"],
        build=read_build_settings(stated.get("build"), root, problems),
        cache=read_cache_settings(stated.get("cache"), problems),
    )


def _check_names(checked: Mapping[str, Any], stated: Mapping[str, Entry], problems: Problems) -> None:
    image, registry, epoch = checked["image"], checked["registry"], checked["epoch"]
    for item in stated["plain_http"].value.items if "plain_http" in stated else ():
        if item.shape is Shape.TEXT and not _HOST.match(item.text):
            problems.add("this names no registry's host", item.location, "write `host` or `host:port`")
    if image is not None and ("{hash}" not in image or not _IMAGE.match(image.replace("{hash}", "0" * 32))):
        hint = "write a repository (`envs/env_{hash}`), or one and a tag (`envs:env_{hash}`)"
        problems.add(f"`{image}` names no image by its `{{hash}}`", stated["image"].value.location, hint)
    if registry and not _REGISTRY.match(registry):
        hint = "write `host`, `host:port` or `host/path`; logins are Docker's (`docker login`)"
        problems.add("this names no registry", stated["registry"].value.location, hint)
    if epoch is not None and not _FIRST_EPOCH <= epoch < _END_OF_EPOCHS:
        hint = f"write Unix seconds from {_FIRST_EPOCH} (1980) on, below {_END_OF_EPOCHS}"
        problems.add(f"`{epoch}` is no time that archives can hold", stated["epoch"].value.location, hint)


def _read_folders(
    root: Path, entry: Entry | None, problems: Problems, recorder: Recorder
) -> tuple[Path, ...]:
    folders = []
    for item in entry.value.items if entry else ():
        if item.shape is not Shape.TEXT:
            continue
        try:
            folder = resolve_path(root / item.text)
        except SpecError as error:
            problems.catch(error, item.location)
            continue
        recorder.record(folder)
        if not folder.is_relative_to(root.resolve()):
            problems.add(f"`{item.text}` lies outside of the workspace", item.location, "copy it into it")
        elif not folder.is_dir():
            problems.add(f"there is no folder `{item.text}`", item.location, "check the path")
        folders.append(folder)
    return tuple(folders)
