"""A kept graph: the same declaration with other digests, or none at all."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from envbuild.core.action import ActionResult
from envbuild.core.digest import Digest
from envbuild.graph.goal import Goal
from envbuild.graph.kept import Kept, find_graph, keep_graph
from envbuild.graph.memo import STEPS_BEGIN, Signatures, graph_file, read_graph
from envbuild.lock.model import Json
from envbuild.rule import builtins
from envbuild.rule.declared import Builtin, DeclaredAction, Fetched, SourceFile, walk
from tests.makers.targets import make_locked

KEY = "0" * 64
LATER = 10_000_000_000  # nanoseconds: far enough that no input is too young
STATED: dict[str, Json] = {"manner": {"executor": "sandbox"}}


class Desk:
    """A folder with a spec, a file that an action reads and one that none does, and a graph of it."""

    def __init__(self, folder: Path) -> None:
        self.memo = str(folder / "memo")
        self.root = folder / "workspace"
        (self.root / "src").mkdir(parents=True)
        self.spec, self.file, self.other = self.root / "spec", self.root / "src/file", self.root / "src/other"
        for path in (self.spec, self.file, self.other):
            path.write_text("a")
        self.file.chmod(0o755)

    def goal(self) -> Goal:
        fetched = make_locked("one")
        file = SourceFile(Digest.of(self.file.read_bytes()), executable=True, path=str(self.file))
        still = DeclaredAction(
            builtins.WHEEL_LAYER, {"n": [1, {"a": None}]}, {"in": Fetched(fetched)}, ("out",), "Still", "one"
        )
        moved = DeclaredAction(builtins.FILES_LAYER, {}, {"file": file}, ("out",), "Moved", "file")
        both = {"still": still.output("out"), "moved": moved.output("out")}
        top = DeclaredAction(builtins.IMAGE, {}, both, ("out",), "Top", "both", stamped=True)
        foreign = make_locked("base", kind="tar+gzip")
        return Goal(
            "//:a", top, {"linux/amd64": (("one",), ("x", "y"))}, {Digest(foreign.sha256, 1000): foreign}
        )

    def results(self) -> dict[str, ActionResult]:
        actions = walk(self.goal().action)
        return {each.definition: ActionResult({"out": Digest.of(each.mnemonic.encode())}) for each in actions}

    def keep(self, now: int = 0) -> bool:
        seen = Signatures()
        seen.record(self.spec)
        seen.record(self.root / "src")
        for path in (self.file, self.other):
            seen.record_hashed(path)
        goals, results = [self.goal()], self.results()
        return keep_graph(self.memo, KEY, goals, results, STATED, seen, now or time.time_ns() + LATER)

    def find(self) -> Kept | None:
        return find_graph(read_graph(self.memo, KEY))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_graph_comes_back_as_it_was(desk: Desk) -> None:
    assert desk.keep()
    kept = desk.find()
    assert kept
    (goal,), there = kept.goals, desk.goal()
    assert (goal.label, goal.definition, goal.platforms) == (there.label, there.definition, there.platforms)
    assert list(goal.foreign) == list(there.foreign)
    assert kept.results == desk.results()
    assert kept.stated == STATED
    for found, declared in zip(walk(goal.action), walk(there.action), strict=True):
        assert found == declared
        assert (found.mnemonic, found.subject, found.stamped) == (
            declared.mnemonic,
            declared.subject,
            declared.stamped,
        )
        digests = [{path: each.definition for path, each in one.inputs.items()} for one in (found, declared)]
        assert digests[0] == digests[1]


def test_an_edited_file_has_its_new_digest_and_what_reads_it_no_result(desk: Desk) -> None:
    desk.keep()
    desk.file.write_text("edited")
    kept = desk.find()
    assert kept
    (goal,) = kept.goals
    assert goal.definition == desk.goal().definition
    assert [action.mnemonic for action in walk(goal.action) if action.definition in kept.results] == ["Still"]


def test_a_file_that_nothing_reads_may_be_edited(desk: Desk) -> None:
    desk.keep()
    desk.other.write_text("edited")
    kept = desk.find()
    assert kept
    assert kept.results == desk.results()


def test_an_editor_that_renames_changes_nothing_else(desk: Desk) -> None:
    desk.keep()
    new = desk.root / "src/.new"
    new.write_text("edited")
    new.chmod(0o755)
    new.replace(desk.file)
    assert desk.find()


def test_a_build_that_found_its_image_there_forgets_no_result(desk: Desk) -> None:
    desk.keep()
    results, desk.results = desk.results(), dict  # type: ignore[method-assign]
    desk.keep()
    kept = desk.find()
    assert kept
    assert kept.results == results


def test_what_was_kept_again_is_found_again(desk: Desk) -> None:
    desk.keep()
    desk.file.write_text("edited")
    kept = desk.find()
    assert kept
    keep_graph(desk.memo, KEY, kept.goals, desk.results(), STATED, kept.seen, time.time_ns() + LATER)
    again = desk.find()
    assert again
    assert again.results == desk.results()


def edit_spec(desk: Desk) -> None:
    desk.spec.write_text("b")


def change_mode(desk: Desk) -> None:
    desk.file.chmod(0o644)


def remove(desk: Desk) -> None:
    desk.file.unlink()


def put_a_folder_there(desk: Desk) -> None:
    desk.file.unlink()
    desk.file.mkdir()


def put_a_link_there(desk: Desk) -> None:
    desk.file.unlink()
    desk.file.symlink_to("other")


def add_a_file(desk: Desk) -> None:
    (desk.root / "src/new").write_text("")


def put_a_folder_in_a_file_s_place(desk: Desk) -> None:
    desk.other.unlink()
    desk.other.mkdir()


@pytest.mark.parametrize(
    "change",
    [
        edit_spec,
        change_mode,
        remove,
        put_a_folder_there,
        put_a_link_there,
        add_a_file,
        put_a_folder_in_a_file_s_place,
    ],
)
def test_any_other_change_is_no_graph(desk: Desk, change: object) -> None:
    desk.keep()
    assert callable(change)
    change(desk)
    assert desk.find() is None


def test_a_file_that_cannot_be_read_is_no_graph(desk: Desk) -> None:
    desk.keep()
    desk.file.write_text("edited")
    named = Path(graph_file(desk.memo, KEY))
    named.write_text(named.read_text().replace(f'"{desk.file}"', f'"{desk.file}/below"'))
    assert desk.find() is None


def test_a_young_file_is_not_kept(desk: Desk) -> None:
    assert not desk.keep(now=desk.file.stat().st_ctime_ns + 1)
    assert desk.find() is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"format": 1}', '{"format": 2}', "[" * 100_000])
def test_a_broken_file_is_no_graph(desk: Desk, text: str) -> None:
    desk.keep()
    Path(graph_file(desk.memo, KEY)).write_text(text)
    assert desk.find() is None


@pytest.mark.parametrize(
    "name", ["inputs", "hashed", "folders", "actions", "goals", "artifacts", "stated", "results"]
)
@pytest.mark.parametrize("value", [None, 7, "x", [[]], {"a": 7}])
def test_a_broken_part_is_no_graph_or_does_no_harm(desk: Desk, name: str, value: object) -> None:
    desk.keep()
    place = Path(graph_file(desk.memo, KEY))
    place.write_text(json.dumps({**json.loads(place.read_text()), name: value}))
    kept = desk.find()
    assert kept is None or kept.goals[0].definition == desk.goal().definition


def test_a_graph_of_other_builtins_is_none(desk: Desk) -> None:
    desk.keep()
    place = Path(graph_file(desk.memo, KEY))
    document = json.loads(place.read_text())
    document["actions"][0][1] += 1  # a version that makes other bytes
    place.write_text(json.dumps(document))
    assert desk.find() is None


@pytest.mark.parametrize(
    ("builtin", "executor", "steps"),
    [
        (builtins.RUN_STEP, "sandbox", True),
        (builtins.RUN_STEP, "docker", False),
        (builtins.FILES_LAYER, "sandbox", False),
    ],
)
def test_a_file_tells_at_once_whether_steps_run_in_a_sandbox(
    desk: Desk, builtin: Builtin, executor: str, steps: object
) -> None:
    goal = Goal("//:a", DeclaredAction(builtin, {}, {}, ("out",), "Some", "one"), {}, {})
    keep_graph(desk.memo, KEY, [goal], {}, {"manner": {"executor": executor}}, Signatures(), LATER)
    assert read_graph(desk.memo, KEY).startswith(STEPS_BEGIN) is steps
    assert desk.find()
