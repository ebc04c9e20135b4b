"""Which targets the patterns of a command line name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from envbuild.core.errors import SpecError, for_each
from envbuild.core.label import Label, Pattern
from envbuild.spec.targets import Targets


def expand_patterns(patterns: Sequence[str], package: str, targets: Targets) -> tuple[Label, ...]:
    """The labels that `patterns` name, seen from the folder `package`, each once and sorted.

    What an exclusion matches is left out wherever it stands; where nothing else is named, the
    folder's own targets are meant. Raises the errors of all files; SpecError, also where nothing is left.
    """
    parsed = for_each(lambda text: Pattern.parse(text, package=package), patterns)
    wanted = [pattern for pattern in parsed if not pattern.excluded] or [Pattern(package)]
    excluded = [pattern for pattern in parsed if pattern.excluded]
    found = set(chain.from_iterable(for_each(lambda each: expand_pattern(each, targets), wanted)))
    left = {label for label in found if not any(pattern.matches(label) for pattern in excluded)}
    if not left:
        raise SpecError("no target is left", hint="exclude less")
    return tuple(sorted(left))


def expand_pattern(pattern: Pattern, targets: Targets) -> tuple[Label, ...]:
    """The labels that one pattern names, sorted; raises SpecError where there are none."""
    if pattern.exact:
        return (targets.declared(pattern.exact).label,)
    packages = targets.packages(pattern.package) if pattern.recursive else (pattern.package,)
    declared = for_each(targets.declared_in, packages)
    labels = tuple(sorted(each.label for each in chain.from_iterable(named.values() for named in declared)))
    if not labels:
        shown = f"//{pattern.package}/..." if pattern.package else "//..."
        shown = shown if pattern.recursive else f"//{pattern.package}:all"
        raise SpecError(f"`{shown}` names no target", hint="run `envbuild query //...` to see them all")
    return labels
