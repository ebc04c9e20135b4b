"""The settings in envbuild.yaml: defaults of options, which the environment and a flag beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from envbuild.core.errors import UsageError
from envbuild.spec.amounts import parse_size
from envbuild.spec.attribute import Attribute, Kind
from envbuild.spec.positions import Entry, Shape
from envbuild.spec.problems import Problems
from envbuild.spec.schema import Schema, Scope, check_attributes

_DAY: Final = 86_400
_BUILD: Schema = {
    "jobs": Attribute(Kind.INTEGER),
    "keep_going": Attribute(Kind.BOOLEAN, default=False),
}
_CACHE: Schema = {
    "max_size": Attribute(Kind.TEXT),
    "keep_days": Attribute(Kind.INTEGER),
}


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How to build; `jobs` None: as many as there are cores."""

    jobs: int | None = None
    keep_going: bool = False


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What `cache gc` keeps of the blobs that no image needs: so many bytes, for so many seconds."""

    max_size: int = 20 * 10**9
    max_age: int = 14 * _DAY


def read_build_settings(entry: Entry | None, problems: Problems) -> BuildSettings:
    """The section `build`; notes what is wrong in it."""
    if entry is None:
        return BuildSettings()
    checked = _check("build", _BUILD, entry, problems)
    jobs = checked["jobs"]
    if jobs is not None and jobs < 1:
        problems.add("`jobs` must be at least 1", entry.value.entries["jobs"].value.location)
    return BuildSettings(jobs, checked["keep_going"])


def read_cache_settings(entry: Entry | None, problems: Problems) -> CacheSettings:
    """The section `cache`; notes what is wrong in it."""
    unstated = CacheSettings()
    if entry is None:
        return unstated
    checked = _check("cache", _CACHE, entry, problems)
    size, days = checked["max_size"], checked["keep_days"]
    return CacheSettings(
        unstated.max_size if size is None else _read_size(size, entry.value.entries["max_size"], problems),
        unstated.max_age if days is None else days * _DAY,
    )


def _check(name: str, schema: Schema, entry: Entry, problems: Problems) -> dict[str, Any]:
    value = entry.value
    if value.shape is not Shape.MAPPING:
        problems.add(f"`{name}` must be a mapping, not {value.shape.value}", value.location)
    return check_attributes(value.entries, schema, Scope(f"`{name}`", "", value.location), problems)


def _read_size(text: str, entry: Entry, problems: Problems) -> int:
    try:
        return parse_size(text)
    except UsageError as error:
        problems.catch(error, entry.value.location)
        return 0
