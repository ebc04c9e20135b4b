"""Which packages satisfy a set of relations together: one pass, as a stable suite needs no backtracking.

What is certain goes first: packages asked for by name, then relations with one way out, and a choice
only where nothing else is left. So a choice sees what is there anyway, whatever the order of the input.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import ResolveError
from envbuild.sources.debian_index import DebianIndex, Package, Row
from envbuild.sources.debian_relations import Alternatives, Relation
from envbuild.sources.debian_version import version_order

# Why the base has another version than the suite, which has one.
_CATCH_UP: Final = (
    "lock the base with `--upgrade`, or take packages from a snapshot mirror as old as the base is"
)
_GO_BACK: Final = (
    "the base is ahead of the suite: name all suites that it is from, as in "
    "`apt_suite: bookworm bookworm-updates bookworm-security`, or a mirror that has these versions"
)

Preferred = Callable[[Package], bool]


class Misfit(ResolveError):
    """Packages that do not go together; `culprit` is the one but for which it would not have come to that."""

    def __init__(
        self, message: str, *, culprit: Package | None, hint: str = "", causes: Sequence[str] = ()
    ) -> None:
        super().__init__(message, hint=hint, causes=causes)
        self.culprit = culprit


@dataclass(frozen=True, slots=True)
class _Wish:
    """Alternatives of which one must be there, and who wants that ("" = the target itself)."""

    alternatives: Alternatives
    wanted_by: str


@dataclass(slots=True)
class Selection:
    """The packages chosen so far, by name; `preferred` says which are taken before newer ones.

    Those `installed` are there anyway: they stay as they are, and what they depend on is not asked.
    Those `refused` are not taken.
    """

    index: DebianIndex
    preferred: Preferred
    installed: Mapping[str, Package] = field(default_factory=dict)
    refused: Collection[Row] = ()
    chosen: dict[str, Package] = field(default_factory=dict)
    _wanted_by: dict[str, str] = field(default_factory=dict)
    _certain: deque[_Wish] = field(default_factory=deque)
    _choices: deque[_Wish] = field(default_factory=deque)

    def select(self, relations: Iterable[Relation]) -> Mapping[str, Package]:
        """All packages that these relations need; raises Misfit with the chain of who wanted what."""
        self._certain.extend(_Wish((relation,), "") for relation in relations)
        while self._certain or self._choices:
            wish = (self._certain or self._choices).popleft()
            if not self._is_met(wish):
                self._choose(self._candidate(wish), wish.wanted_by)
        self._refuse_conflicts()
        return self.chosen

    def edges(self, package: Package) -> Iterator[str]:
        """The names of the packages that are there, and that this one depends on."""
        for alternatives in package.depends():
            yield from (each.name for relation in alternatives for each in self.matches(relation))

    def matches(self, relation: Relation) -> Iterator[Package]:
        """The packages that satisfy a relation."""
        there = chain(self.installed.values(), self.chosen.values())
        return (each for each in there if _provides(each, relation))

    def _is_met(self, wish: _Wish) -> bool:
        return any(any(True for _ in self.matches(relation)) for relation in wish.alternatives)

    def _choose(self, package: Package, wanted_by: str) -> None:
        if package.name in self.installed:
            raise self._refuse_another(package, wanted_by)
        if package.name in self.chosen:
            other = self.chosen[package.name]
            message = (
                f"`{package.name}` would be needed in the versions {other.version} and {package.version}"
            )
            causes = [*self._chain(other.name), *self._chain(wanted_by)]
            raise Misfit(message, culprit=other, causes=causes)
        self.chosen[package.name] = package
        self._wanted_by[package.name] = wanted_by
        for alternatives in package.depends():
            wish = _Wish(alternatives, package.name)
            (self._choices if self._is_choice(alternatives) else self._certain).append(wish)

    def _refuse_another(self, package: Package, wanted_by: str) -> Misfit:
        there = self.installed[package.name].version
        older = version_order(there) < version_order(package.version)
        return Misfit(
            f"`{package.name}` {package.version} is needed, but the base has {there}",
            culprit=self.chosen.get(wanted_by),
            hint=_CATCH_UP if older else _GO_BACK,
            causes=self._chain(wanted_by),
        )

    def _is_choice(self, alternatives: Alternatives) -> bool:
        return len(alternatives) > 1 or not self.index.versions(alternatives[0].name)

    def _candidate(self, wish: _Wish) -> Package:
        """The first alternative's package, or the best of those that provide it."""
        for relation in wish.alternatives:
            named = self._fitting(self.index.versions(relation.name), relation)
            if found := named or self._fitting(self.index.providers(relation.name), relation):
                return next(filter(self.preferred, found), found[0])
        wanted = " | ".join(map(str, wish.alternatives))
        raise Misfit(
            f"no package satisfies `{wanted}`",
            culprit=self.chosen.get(wish.wanted_by),
            causes=self._chain(wish.wanted_by),
        )

    def _fitting(self, packages: Iterable[Package], relation: Relation) -> list[Package]:
        return [each for each in packages if each.row not in self.refused and _provides(each, relation)]

    def _refuse_conflicts(self) -> None:
        for package in chain(self.chosen.values(), self.installed.values()):
            for relation in package.conflicts():
                # What a package itself provides may conflict with it: no other may provide it (policy 7.6.2).
                for other in self.matches(relation):
                    if other.name == package.name or self._is_old({package.name, other.name}):
                        continue
                    message = f"`{package.name}` and `{other.name}` exclude each other: {relation}"
                    causes = [*self._chain(package.name), *self._chain(other.name)]
                    culprit = self.chosen.get(package.name) or self.chosen[other.name]
                    raise Misfit(message, culprit=culprit, causes=causes)

    def _is_old(self, names: set[str]) -> bool:
        """Whether all of these are the base's, and so not ours to judge."""
        return names <= self.installed.keys()

    def _chain(self, name: str) -> list[str]:
        """Who wanted a package, up to the target."""
        lines: list[str] = []
        while name:
            if name in self.installed:
                return [*lines, f"`{name}` {self.installed[name].version} is in the base"]
            above = self._wanted_by[name]
            wanted = f"wanted by `{above}`" if above else "wanted by the target"
            lines.append(f"`{name}` {self.chosen[name].version} is {wanted}")
            name = above
        return lines


def _provides(package: Package, relation: Relation) -> bool:
    version = package.provided(relation.name)
    return version is not None and relation.allows(version)
