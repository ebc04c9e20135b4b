"""Each question goes to who can answer it, and nothing is read or fetched twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from envbuild.build.answers import Answers
from envbuild.build.fetch import Fetcher, Owner
from envbuild.core.digest import Digest
from envbuild.core.errors import ResolveError
from envbuild.core.platform import Platform
from envbuild.lock.model import DebianQuestion, PlatformLock, PythonQuestion, Resolver
from envbuild.lock.registries import Registries
from envbuild.sources.channel import Channels
from envbuild.sources.channel_index import ChannelIndexes
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.debian import DebianSource
from envbuild.sources.http import HttpClient
from envbuild.sources.index import PackageIndexes
from envbuild.sources.registry import RegistryClient
from envbuild.store.disk import DiskStore
from tests.makers.actions import Recorder
from tests.makers.debian import Deb, Mirror, serve, signers
from tests.makers.questions import ask
from tests.makers.sources import StatedSources
from tests.makers.targets import make_locked

BASE = Deb("base-files", "12.4")
TOOL = Deb("tool", "1.0-1", fields={"Depends": "libtool"})
LIBTOOL = Deb("libtool", "2.0-1")
QUESTION = DebianQuestion(
    "debian", "testing", ("main",), ("tool",), essential=False, platform=Platform("linux", "amd64")
)


@dataclass
class Oracle:
    """A resolver that answers everything in one way."""

    name: str = "oracle"
    asked: list[PythonQuestion] = field(default_factory=list)

    def resolve(self, question: PythonQuestion) -> PlatformLock:
        self.asked.append(question)
        return PlatformLock((make_locked("alpha"),))


@dataclass
class Desk:
    """Answers with a mirror called `debian`, and what was asked of whom."""

    answers: Answers
    store: DiskStore
    paths: list[str]
    oracle: Oracle
    made: list[Oracle]

    def asked(self, part: str) -> list[str]:
        """The mirror's paths asked for that hold a text."""
        return [path for path in self.paths if part in path]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    http, sink, store, oracle = HttpClient(), Recorder(), DiskStore(tmp_path / "store"), Oracle()
    made: list[Oracle] = []

    def make_resolver() -> Resolver:
        made.append(oracle)
        return oracle

    def connect(host: str) -> RegistryClient:
        return RegistryClient(http, host, DockerCredentials({}))

    with signers("never") as (signer,):
        mirror = Mirror(tmp_path / "mirror", signer)
        mirror.root.mkdir()
        for suite in ("testing", "stable"):
            mirror.publish(suite, [BASE, TOOL, LIBTOOL])
        with serve(mirror.root) as (url, paths):
            cache = tmp_path / "debian"
            mirrors = {"debian": DebianSource("debian", (url,), signer.keyring, http, cache, sink)}
            indexes, registries = PackageIndexes(http, {}), Registries(connect, {})
            channels = Channels(http, {})
            sources = StatedSources(indexes, mirrors, registries, channels)
            fetcher = Fetcher(store, http, sources, lambda _: Owner(""), sink)
            known = ChannelIndexes(channels, tmp_path / "channels", sink)
            yield Desk(Answers(make_resolver, mirrors, fetcher, store, known), store, paths, oracle, made)
    http.close()


def test_a_debian_question_needs_no_resolver_of_python(desk: Desk) -> None:
    lock = desk.answers.answer(QUESTION)
    assert [each.name for each in lock.artifacts] == ["base-files", "libtool", "tool"]
    assert {each.source for each in lock.artifacts} == {"debian"}
    assert desk.made == []


def test_what_was_downloaded_to_be_read_serves_the_build(desk: Desk) -> None:
    first = desk.answers.answer(QUESTION)
    fetched = desk.asked(".deb")
    assert fetched
    kept = {path.rpartition("/")[2].partition("_")[0] for path in fetched}
    for each in first.artifacts:
        assert desk.store.has(Digest(each.sha256, each.size)) == (each.name in kept)
    assert desk.answers.answer(QUESTION) == first
    assert desk.asked(".deb") == fetched


def test_the_index_of_a_suite_is_read_once(desk: Desk) -> None:
    desk.answers.answer(QUESTION)
    desk.answers.answer(replace(QUESTION, packages=("libtool",)))
    assert len(desk.asked("testing/InRelease")) == 1
    desk.answers.answer(replace(QUESTION, suite="stable"))
    assert len(desk.asked("testing/InRelease")) == len(desk.asked("stable/InRelease")) == 1


def test_a_source_that_the_workspace_does_not_have(desk: Desk) -> None:
    with pytest.raises(ResolveError, match="the workspace has no Debian source `backports`") as caught:
        desk.answers.answer(replace(QUESTION, source="backports"))
    assert caught.value.hint == "it has `debian`"
    assert desk.paths == []


def test_a_python_question_goes_to_the_resolver(desk: Desk) -> None:
    question = ask("alpha")
    assert desk.answers.answer(question) == PlatformLock((make_locked("alpha"),))
    assert desk.oracle.asked == [question]
    assert desk.paths == []
