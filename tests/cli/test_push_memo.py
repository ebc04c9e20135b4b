"""`build --push` against itself without memo and graph: two workspaces and registries get the same edits."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envbuild.__main__ import main
from tests.cli.test_memo import KINDS, Desk
from tests.makers.base_images import Upstream
from tests.makers.gate import Answer, Gate, open_gate
from tests.makers.index import FakeIndex
from tests.makers.project import Project, name_indexes
from tests.makers.ways import BY_GRAPH, BY_MEMO, settle
from tests.makers.ways import ask as ask_watched

pytestmark = pytest.mark.services

ASK = ["build", "//...", "--push", "--output", "json"]
EDITS = 50


class Side:
    """A workspace and the registry that it publishes to; what happens here is chance with a seed."""

    def __init__(self, top: Path, gate: Gate, index: FakeIndex, seed: int, *more: str) -> None:
        self.place = f"{gate.host}/{top.name}"
        top.mkdir()
        self.project = Project(top, {"ENVBUILD_REGISTRY": self.place})
        self.project.write({"envbuild.yaml": name_indexes(pypi=index.url)})
        self._gate, self._chance, self._more = gate, random.Random(seed), more
        self.desk = Desk(self.project, index, self._chance, rules=False)
        self._tags: set[tuple[str, str]] = set()

    def ask(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> tuple[int, object, list[str]]:
        """The exit code, all that is told but the time it took, and what went wrong."""
        for name, value in self.project.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(self.project.root)
        monkeypatch.setattr(sys, "argv", ["envbuild", *ASK, *self._more])
        code = main()
        out, err = (text.replace(self.place, "PLACE") for text in capsys.readouterr())
        result = {**json.loads(out), "seconds": 0}
        images = [target["image"].partition(":") for target in result.get("targets", [])]
        self._tags |= {(repository, tag or "latest") for repository, _, tag in images}
        return code, result, [line for line in err.splitlines() if "error: " in line]

    def delete(self) -> None:
        """Some tags go."""
        for upstream, tag in self._some_tags():
            if found := upstream.read_manifest(tag):
                upstream.remove(found[0])

    def write_otherwise(self) -> None:
        """Some tags name an image of the same definition with another digest."""
        self._change("org.example.other", "1")

    def put_another(self) -> None:
        """Some tags name an image of another definition."""
        self._change("dev.envbuild.definition", f"sha256:{0:064}")

    def close(self) -> None:
        """The registry refuses all, until it opens."""
        self._gate.before = lambda asked: Answer(403, b"{}")

    def open(self) -> None:
        """It answers again."""
        self._gate.before = lambda asked: None

    def clean(self) -> None:
        """Forget what was built."""
        self.project.succeed("clean")

    def _change(self, name: str, value: str) -> None:
        for upstream, tag in self._some_tags():
            if found := upstream.read_manifest(tag):
                annotations = {**found[1].get("annotations", {}), name: value}
                upstream.put_manifest({**found[1], "annotations": annotations}, tag)

    def _some_tags(self) -> Iterator[tuple[Upstream, str]]:
        for repository, tag in sorted(self._tags):
            if self._chance.random() < 0.5:
                yield Upstream(self._gate.upstream, f"{self.project.top.name}/{repository}"), tag


REGISTRY_KINDS = (
    Side.delete,
    Side.write_otherwise,
    Side.put_another,
    Side.delete,
    Side.close,
    Side.open,
    Side.clean,
)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_pushed_and_told_is_as_without_a_memo(
    tmp_path: Path,
    registry: str,
    index: FakeIndex,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seed: int,
) -> None:
    chance = random.Random(seed)
    with open_gate(Gate(registry)) as here, open_gate(Gate(registry)) as there:
        quick = Side(tmp_path / f"quick{seed}", here, index, seed)
        whole = Side(tmp_path / f"whole{seed}", there, index, seed, "--no-memo")
        done: list[str] = []
        while len(done) < EDITS:
            if chance.random() < 0.4:
                edit = chance.choice(KINDS)
                done.append(edit.__name__)
                for side in (quick, whole):
                    edit(side.desk)
            else:
                happens = chance.choice(REGISTRY_KINDS)
                done.append(happens.__name__)
                for side in (quick, whole):
                    happens(side)
            for _ in range(chance.randrange(1, 4)):
                assert quick.ask(monkeypatch, capsys) == whole.ask(monkeypatch, capsys), (seed, done)
        # Both ways are taken, once no input is too young: they are what was compared.
        for side in (quick, whole):
            side.open()
            side.desk.settle()
        settle(quick.project)
        quick.project.succeed(*ASK)
        assert ask_watched(quick.project, *ASK)[1] == BY_MEMO
        quick.desk.edit_file()
        assert ask_watched(quick.project, *ASK)[1] in (BY_MEMO, BY_GRAPH)
