"""The settings in envbuild.yaml: defaults of options, which the environment and a flag beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import UsageError
from envbuild.options import EXECUTORS, SANDBOX
from envbuild.spec.amounts import parse_size, parse_span
from envbuild.spec.attribute import Attribute, Kind
from envbuild.spec.positions import Entry, Shape
from envbuild.spec.problems import Problems
from envbuild.spec.schema import Schema, Scope, check_attributes
from envbuild.spec.secrets import Secret, parse_secret

_DAY: Final = 86_400
_BUILD: Schema = {
    "jobs": Attribute(Kind.INTEGER),
    "keep_going": Attribute(Kind.BOOLEAN, default=False),
    "executor": Attribute(Kind.TEXT, default=SANDBOX, choices=EXECUTORS),
    "step_timeout": Attribute(Kind.TEXT),
    "step_memory": Attribute(Kind.TEXT),
    "step_processes": Attribute(Kind.INTEGER),
    "secrets": Attribute(Kind.TEXT_MAP, default={}),
}
_CACHE: Schema = {
    "max_size": Attribute(Kind.TEXT),
    "keep_days": Attribute(Kind.INTEGER),
}


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How to build; `jobs` None: as many as there are cores.

    Steps run for at most `step_timeout` seconds, in `step_memory` bytes, as `step_processes` (0: no limit).
    """

    jobs: int | None = None
    keep_going: bool = False
    executor: str = SANDBOX
    step_timeout: int = 0
    step_memory: int = 0
    step_processes: int = 0
    secrets: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """What `cache gc` keeps of the blobs that no image needs: so many bytes, for so many seconds."""

    max_size: int = 20 * 10**9
    max_age: int = 14 * _DAY


def read_build_settings(entry: Entry | None, root: Path, problems: Problems) -> BuildSettings:
    """The section `build`; notes what is wrong in it. Files of secrets are relative to `root`."""
    if entry is None:
        return BuildSettings()
    checked = _check("build", _BUILD, entry, problems)
    jobs = checked["jobs"]
    if jobs is not None and jobs < 1:
        place = entry.value.entries["jobs"].value.location
        problems.add("`jobs` must be at least 1", place, "without it, there are as many as cores")
    stated = entry.value.entries
    return BuildSettings(
        jobs,
        checked["keep_going"],
        checked["executor"] or SANDBOX,
        _read_amount(parse_span, "step_timeout", checked, stated, problems),
        _read_amount(parse_size, "step_memory", checked, stated, problems),
        _read_processes(checked["step_processes"], stated, problems),
        _read_secrets(stated.get("secrets"), root, problems),
    )


def read_cache_settings(entry: Entry | None, problems: Problems) -> CacheSettings:
    """The section `cache`; notes what is wrong in it."""
    unstated = CacheSettings()
    if entry is None:
        return unstated
    checked = _check("cache", _CACHE, entry, problems)
    size, days = checked["max_size"], checked["keep_days"]
    if days is not None and days < 0:
        place = entry.value.entries["keep_days"].value.location
        problems.add("`keep_days` must be at least 0", place, "with 0, only what images need is kept")
    return CacheSettings(
        unstated.max_size
        if size is None
        else _read_amount(parse_size, "max_size", checked, entry.value.entries, problems),
        unstated.max_age if days is None else days * _DAY,
    )


def _check(name: str, schema: Schema, entry: Entry, problems: Problems) -> dict[str, Any]:
    value = entry.value
    if value.shape is not Shape.MAPPING:
        problems.add(
            f"`{name}` must be a mapping, not {value.shape.value}", value.location, f"write `{name}: {{...}}`"
        )
    return check_attributes(value.entries, schema, Scope(f"`{name}`", "", value.location), problems)


def _read_amount(
    parse: Callable[[str], int],
    name: str,
    checked: Mapping[str, Any],
    stated: Mapping[str, Entry],
    problems: Problems,
) -> int:
    """An amount, 0 where none is stated."""
    try:
        return parse(checked[name]) if checked[name] is not None else 0
    except UsageError as error:
        problems.catch(error, stated[name].value.location)
        return 0


def _read_processes(count: int | None, stated: Mapping[str, Entry], problems: Problems) -> int:
    if count is not None and count < 0:
        place = stated["step_processes"].value.location
        problems.add("`step_processes` must be at least 0", place, "0 is for any number")
    return BuildSettings().step_processes if count is None else count


def _read_secrets(entry: Entry | None, root: Path, problems: Problems) -> Mapping[str, Secret]:
    """Secrets by name, each as `src=FILE` or `env=VARIABLE`."""
    found: dict[str, Secret] = {}
    for name, each in (entry.value.entries if entry else {}).items():
        if each.value.shape is Shape.TEXT:
            try:
                found[name] = parse_secret(f"id={name},{each.value.text}", root)
            except UsageError as error:
                problems.add(error.message, each.value.location, "write `src=FILE`, or `env=VARIABLE`")
    return found
