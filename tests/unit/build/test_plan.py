from __future__ import annotations

from pathlib import Path

from envbuild.build.plan import find_artifacts, find_files, plan_actions
from envbuild.core.digest import Digest
from envbuild.lock.model import Locked
from envbuild.rule.declared import Fetched, SourceFile, walk
from tests.makers.actions import declare

WHEEL = Locked("wheel", "numpy", "1", "pypi", "numpy.whl", Digest.of(b"wheel").hash, 5_000_000)
FILE = SourceFile(Digest.of(b"train"), executable=False, path="/src/train.py")


def test_dependencies_come_first_and_each_action_once() -> None:
    bottom = declare("bottom")
    left, right = declare("left", bottom), declare("right", bottom)
    top = declare("top", left, right)
    plan = plan_actions([top, left])
    assert plan.actions == (bottom, left, right, top)
    assert plan.dependents[bottom] == (left, right)
    assert plan.dependents[top] == ()


def test_the_cost_is_that_of_the_longest_chain_to_a_goal() -> None:
    big = declare("big", inputs={"wheel": Fetched(WHEEL)})
    first = declare("first")
    goal = declare("goal", big, declare("second", first))
    cost = plan_actions([goal]).cost
    assert cost[goal] < cost[first] < cost[big]
    assert cost[big] - cost[goal] > WHEEL.size


def test_what_a_build_may_fetch_and_import() -> None:
    goal = declare("goal", declare("below", inputs={"wheel": Fetched(WHEEL)}), inputs={"file": FILE})
    actions = list(walk(goal))
    assert find_artifacts(actions) == {WHEEL.sha256: WHEEL}
    assert find_files(actions) == {FILE.digest.hash: Path("/src/train.py")}
