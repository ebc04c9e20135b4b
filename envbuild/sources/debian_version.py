"""Debian's version order (Debian policy 5.6.12)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Final

from envbuild.core.errors import SourceError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

if TYPE_CHECKING:
    from debian_inspector.version import Version

_VERSION: Final = compile_later(r"(?:(\d{1,9}):)?([A-Za-z0-9][A-Za-z0-9.+~-]*?)(?:-([A-Za-z0-9.+~]+))?\Z")
# How each operator reads the comparison's sign; `<` and `>` are obsolete forms of `<=` and `>=`.
_OPERATORS: Final[dict[str, Callable[[int, int], bool]]] = {
    "<<": operator.lt,
    "<=": operator.le,
    "<": operator.le,
    "=": operator.eq,
    ">": operator.ge,
    ">=": operator.ge,
    ">>": operator.gt,
}


def compare_versions(one: str, other: str) -> int:
    """Negative, zero or positive as `one` is older than, equal to or newer than `other`."""
    if one == other:
        return 0
    from debian_inspector.version import compare_version_objects

    return int(compare_version_objects(_parse(one), _parse(other)))


def satisfies(version: str, relation: str, bound: str) -> bool:
    """Whether `version` stands in a relation such as ">=" to `bound`; raises SourceError."""
    if relation not in _OPERATORS:
        raise SourceError(f"`{relation}` is no relation between Debian versions")
    return _OPERATORS[relation](compare_versions(version, bound), 0)


version_order: Callable[[str], Any] = cmp_to_key(compare_versions)


def upstream_version(version: str) -> str:
    """The part between epoch and revision; raises SourceError."""
    return str(_parse(version).upstream)


def _parse(text: str) -> Version:
    """A version for the library to compare; its own parser refuses `2.3~`, which relations often say."""
    from debian_inspector.version import Version

    match = _VERSION.match(text)
    if not match:
        raise SourceError(f"`{excerpt(text)}` is no Debian version")
    return Version(int(match[1] or 0), match[2], match[3] or "0")
