"""From targets and locks to declared images: what is in them, and what is refused."""

from __future__ import annotations

import pytest

from envbuild.core.errors import LockError, SpecError
from envbuild.rule import builtins
from envbuild.rule.declared import Output
from tests.makers.targets import AMD64, ARM64, World, make_locked

NUMPY = make_locked("numpy", "2.0")
LIBC = make_locked("libc6", "2.36", kind="deb")


@pytest.fixture
def world() -> World:
    return World()


def test_the_name_is_the_beginning_of_the_definition(world: World) -> None:
    configured = world.configure(world.environment())
    assert configured.definition.startswith("sha256:")
    assert configured.name == f"env_{configured.definition[7:39]}"
    assert configured.hash == configured.definition[7:39]


def test_one_platform_is_a_manifest_and_several_are_an_index(world: World) -> None:
    label = world.environment(platforms=(AMD64, ARM64))
    both = world.configure(label)
    assert list(both.images) == [AMD64, ARM64]
    assert both.action.builtin == builtins.INDEX
    inputs = [item for item in both.action.inputs.values() if isinstance(item, Output)]
    assert [item.action for item in inputs] == [image.action for image in both.images.values()]
    one = world.configure(label, ARM64)
    assert one.action == both.images[ARM64].action
    assert one.name != both.name
    # In which order platforms are asked for is no part of what is built.
    assert world.configure(label, ARM64, AMD64).name == both.name


def test_targets_share_the_actions_of_what_they_stand_on(world: World) -> None:
    base = world.debian(debs=[LIBC])
    one, two = (
        world.configure(world.environment(name, [make_locked(name)], base=base)) for name in ("a", "b")
    )
    shared = [layers[0].layers[:3] for layers in (list(each.images.values()) for each in (one, two))]
    assert shared[0] == shared[1]
    assert one.definition != two.definition


def test_a_base_without_the_platform_is_refused(world: World) -> None:
    base = world.debian(debs=[LIBC])
    label = world.declare("environment", "app", base=base, platforms=(AMD64, ARM64))
    with pytest.raises(SpecError) as caught:
        world.analyzer.question(label, ARM64)
    assert str(caught.value) == (
        "BUILD.yaml:1:3: `//:app` is built for `linux/arm64`, but `//:base` only for `linux/amd64`\n"
        "hint: add `linux/arm64` to the platforms of `//:base`"
    )


def test_a_platform_that_the_target_does_not_state_is_refused(world: World) -> None:
    label = world.environment()
    with pytest.raises(SpecError, match="`//:app` is built for `linux/amd64`, not for `linux/arm64`"):
        world.configure(label, ARM64)


def test_a_target_without_lock(world: World) -> None:
    label = world.environment()
    del world.locks[label]
    with pytest.raises(LockError) as caught:
        world.configure(label)
    assert str(caught.value) == "`//:app` has no lock\nhint: run `envbuild lock //:app`"


def test_a_stale_lock_says_why(world: World) -> None:
    base = world.debian(debs=[LIBC])
    label = world.environment(packages=[NUMPY], base=base)
    world.restate(base, suite="trixie")
    with pytest.raises(LockError) as caught:
        world.configure(label)
    assert str(caught.value) == (
        "the lock of `//:base` is stale:\n  `suite` is `trixie` now, and was `bookworm`\n"
        "hint: run `envbuild lock //:base`"
    )


def test_a_lock_for_one_platform_answers_for_it_alone(world: World) -> None:
    label = world.environment(packages=[NUMPY])
    world.restate(label, platforms=(AMD64, ARM64))
    assert world.configure(label, AMD64).images
    with pytest.raises(LockError, match="it is not locked for `linux/arm64`"):
        world.configure(label)


def test_questions_need_only_the_locks_below(world: World) -> None:
    base = world.debian(debs=[LIBC])
    label = world.declare("environment", "app", base=base)
    assert world.analyzer.question(label, AMD64) is not None
    del world.locks[base]
    with pytest.raises(LockError, match="`//:base` has no lock"):
        world.analyzer.question(label, AMD64)
