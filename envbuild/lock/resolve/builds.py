"""What the sdists of an answer are built with: a question of its own for each, of wheels only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envbuild.core.dataclass import dataclass, replace
from envbuild.core.errors import ResolveError, SpecError
from envbuild.core.platform import Libc
from envbuild.lock.model import Build, Locked, PlatformLock, PythonQuestion, Resolver
from envbuild.lock.resolve.answer import Descriptions, read_local
from envbuild.sources.sdist_metadata import BUILD_BACKEND, BUILD_PATH, BUILD_REQUIRES
from envbuild.spec.requirement_line import parse_pinned


@dataclass(frozen=True, slots=True)
class BuildsResolver:
    """A Resolver that also answers what `inner`'s sdists are built with."""

    inner: Resolver
    describe: Descriptions

    @property
    def name(self) -> str:
        """As the inner one's."""
        return self.inner.name

    def resolve(self, question: PythonQuestion) -> PlatformLock:
        """The answer with its builds; raises as the inner one."""
        answer = self.inner.resolve(question)
        sdists = [each for each in answer.artifacts if each.kind == "sdist"]
        found = {each.name: self._resolve_build(each, question) for each in sdists}
        facts = _join([answer.facts, *(facts for _, facts in found.values())])
        return replace(answer, facts=facts, builds={name: build for name, (build, _) in found.items()})

    def _resolve_build(self, sdist: Locked, question: PythonQuestion) -> tuple[Build, Mapping[str, str]]:
        own = next((each for each in question.wheels if each.sha256 == sdist.sha256), None)
        stated = read_local(own) if own and sdist.is_local else self.describe.locked(sdist)
        try:
            requires = tuple(sorted({parse_pinned(each).text for each in stated.values(BUILD_REQUIRES)}))
            answer = self.inner.resolve(_ask(requires, sdist.name, question))
        except (ResolveError, SpecError) as error:
            message = f"what `{sdist.name}` {sdist.version} is built with: {error.message}"
            raise ResolveError(message, hint=error.hint) from error
        (backend,), path = stated.values(BUILD_BACKEND), stated.values(BUILD_PATH)
        return Build(backend, path, requires, answer.artifacts), answer.facts


def _ask(requires: tuple[str, ...], sdist: str, question: PythonQuestion) -> PythonQuestion:
    """Neither constraints nor the base's packages bind what is in no image."""
    known = question.builds.get(sdist)
    upgrade = None if question.upgrade is None or sdist in question.upgrade else question.upgrade
    return PythonQuestion(
        requirements=requires,
        constraints=(),
        wheels=(),
        facts=question.facts,
        indexes=question.indexes,
        preferences={each.name: each for each in known.wheels} if known else {},
        upgrade=upgrade,
    )


def _join(facts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The least of a target that answers all of these needs: the longer Python, the later C library."""
    every = list(facts)
    joined = {"python": max((each["python"] for each in every), key=len)}
    needed = [Libc.parse(each["libc"]) for each in every if "libc" in each]
    return joined | ({"libc": str(max(needed, key=lambda libc: libc.version))} if needed else {})
