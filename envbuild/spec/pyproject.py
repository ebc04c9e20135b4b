"""The requirements of a pyproject.toml (PEP 621, PEP 735)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envbuild.core.errors import Location, SpecError
from envbuild.core.project_name import normalise

Positioned = tuple[str, Location]

_MAX_DEPTH = 100


def read_pyproject(path: Path, shown: str, groups: Sequence[str] = ()) -> list[Positioned]:
    """`[project] dependencies`, and those of the extras or dependency groups named, with positions.

    `shown` is the file's name in positions. Raises SpecError.
    """
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except UnicodeDecodeError:
        raise SpecError("the file is not UTF-8", hint="save it as UTF-8", location=Location(shown)) from None
    except (ValueError, RecursionError) as error:
        reason = str(error).lower() if isinstance(error, ValueError) else "nested too deeply"
        raise SpecError(f"this is no TOML: {reason}", hint="correct it", location=Location(shown)) from None
    project = _table(table, "project", shown)
    found = _texts(project.get("dependencies", []), "`dependencies` of `[project]`", shown)
    for group in groups:
        found += _group(table, project, group, shown)
    return [(each, Location(shown, _line_of(text, each))) for each in found]


def _group(table: Mapping[str, Any], project: Mapping[str, Any], group: str, shown: str) -> list[str]:
    """The requirements of an extra, else of a dependency group, of that name."""
    extras = {
        normalise(name): value for name, value in _table(project, "optional-dependencies", shown).items()
    }
    groups = {normalise(name): value for name, value in _table(table, "dependency-groups", shown).items()}
    if normalise(group) in extras:
        return _texts(extras[normalise(group)], f"the extra `{group}`", shown)
    return _Groups(groups, shown).include(group, ())


class _Groups:
    """The dependency groups of a file (PEP 735); a group that several include is read once."""

    def __init__(self, groups: Mapping[str, Any], shown: str) -> None:
        self._groups = groups
        self._shown = shown
        self._included: set[str] = set()

    def include(self, group: str, above: tuple[str, ...]) -> list[str]:
        """A group's requirements with those of the groups that it includes, but for what was read before."""
        name = normalise(group)
        self._check(group, (*above, name))
        found: list[str] = []
        if name in self._included:
            return found
        for item in _list(self._groups[name], f"the group `{group}`", self._shown):
            if isinstance(item, dict) and isinstance(item.get("include-group"), str) and len(item) == 1:
                found += self.include(item["include-group"], (*above, name))
            else:
                found += _texts([item], f"the group `{group}`", self._shown)
        self._included.add(name)
        return found

    def _check(self, group: str, chain: tuple[str, ...]) -> None:
        place = Location(self._shown)
        if chain[-1] in chain[:-1]:
            listed = " -> ".join(f"`{each}`" for each in chain)
            raise SpecError(
                f"dependency groups include each other: {listed}", hint="remove one of these", location=place
            )
        if len(chain) > _MAX_DEPTH:
            raise SpecError(f"dependency groups include each other over {_MAX_DEPTH} levels", location=place)
        if chain[-1] not in self._groups:
            raise SpecError(
                f"there is neither an extra nor a dependency group `{group}`",
                hint=f"it has {_listed(self._groups)}" if self._groups else "name one that it has",
                location=place,
            )


def _table(parent: Mapping[str, Any], key: str, shown: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise SpecError(f"`{key}` is not a table", hint=f"write `[{key}]`", location=Location(shown))
    return value


def _list(value: object, what: str, shown: str) -> list[Any]:
    if not isinstance(value, list):
        raise SpecError(f"{what} is not a list", hint="write `[...]`", location=Location(shown))
    return value


def _texts(value: object, what: str, shown: str) -> list[str]:
    items = _list(value, what, shown)
    if not all(isinstance(item, str) for item in items):
        raise SpecError(
            f"{what} holds something else than texts",
            hint='write `"name>=1"`',
            location=Location(shown),
        )
    return list(items)


def _line_of(text: str, requirement: str) -> int:
    """The first line that holds the requirement; TOML's parser tells no positions. 0 = unknown."""
    for number, line in enumerate(text.splitlines(), 1):
        if requirement in line:
            return number
    return 0


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
