"""The layer plan: a pure function of names and sizes that moves as little as possible."""

from hypothesis import given
from hypothesis import strategies as st

from envbuild.rule.layering import Plan, plan_layers

PLAN = Plan(alone=2, threshold=1000, buckets=4)
packages = st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(0, 5000), max_size=40)


def tail_of(groups: tuple[tuple[str, ...], ...], sizes: dict[str, int]) -> dict[str, frozenset[str]]:
    """Each small package's neighbours."""
    return {name: frozenset(group) for group in groups for name in group if sizes[name] < PLAN.threshold}


@given(packages, st.randoms())
def test_order_of_packages_is_irrelevant(sizes: dict[str, int], random: st.DataObject) -> None:
    items = list(sizes.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert plan_layers(items, PLAN) == plan_layers(sizes.items(), PLAN)


@given(packages)
def test_every_package_lies_in_one_layer(sizes: dict[str, int]) -> None:
    names = [name for group in plan_layers(sizes.items(), PLAN) for name in group]
    assert sorted(names) == sorted(sizes)


@given(packages)
def test_there_are_never_more_layers_than_planned(sizes: dict[str, int]) -> None:
    groups = plan_layers(sizes.items(), PLAN)
    assert len(groups) <= PLAN.alone + PLAN.buckets
    assert all(groups)


@given(packages, st.data())
def test_removing_a_small_package_moves_no_other(sizes: dict[str, int], data: st.DataObject) -> None:
    small = [name for name, size in sizes.items() if size < PLAN.threshold]
    if not small:
        return
    gone = data.draw(st.sampled_from(sorted(small)))
    before = tail_of(plan_layers(sizes.items(), PLAN), sizes)
    rest = {name: size for name, size in sizes.items() if name != gone}
    after = tail_of(plan_layers(rest.items(), PLAN), sizes)
    assert {name: group - {gone} for name, group in before.items() if name != gone} == after


def test_the_biggest_lie_alone() -> None:
    sizes = {"a": 1500, "b": 5000, "c": 3000, "d": 10}
    groups = plan_layers(sizes.items(), PLAN)
    assert groups[:2] == (("b",), ("c",))
    assert ("a",) not in groups[:2]
