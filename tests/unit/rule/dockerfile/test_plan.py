"""What stages stand on and take from: names, triggers, and what is asked for the lock."""

from __future__ import annotations

from typing import Any

import pytest

from envbuild.core.errors import SpecError
from envbuild.lock.model import ImageQuestion
from envbuild.rule import builtins
from envbuild.rule.declared import walk
from envbuild.rule.image import Image
from envbuild.spec.dockerfile.parse import parse_dockerfile
from tests.makers.targets import AMD64, World


def declare(text: str, parent: str = "", **attributes: Any) -> tuple[World, Any]:
    """A target of a Dockerfile, on `base`, and on `parent` where a Dockerfile of that is given."""
    world = World()
    contexts = {"base": world.debian("base")}
    if parent:
        dockerfile = parse_dockerfile(parent.encode(), "Parent")
        contexts["parent"] = world.declare(
            "dockerfile_image", "parent", dockerfile=dockerfile, context=(), contexts=dict(contexts)
        )
    dockerfile = parse_dockerfile(text.encode(), "Dockerfile")
    stated = {"dockerfile": dockerfile, "context": (), "contexts": contexts, **attributes}
    return world, world.declare("dockerfile_image", "app", **stated)


def build(text: str, parent: str = "", **attributes: Any) -> Image:
    world, label = declare(text, parent, **attributes)
    return world.analyzer.image(label, AMD64)


def steps(image: Image) -> list[Any]:
    """The parameters of the steps, from the bottom up."""
    return [layer.action.parameters for layer in image.layers if layer.action.builtin == builtins.RUN_STEP]


@pytest.mark.parametrize("name", ["base", "base:latest", "library/base", "docker.io/library/base:latest"])
def test_a_context_by_all_names_that_docker_knows_it_by(name: str) -> None:
    assert build(f"FROM {name}\nCOPY --from={name} /etc /x\n").layers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM base AS a\nCOPY --from=b /x /x\nFROM base AS b\n", "2: the stage `b` is not above this one"),
        ("FROM base AS a\nCOPY --from=A /x /x\n", "2: the stage `A` is not above this one"),
        ("FROM base\nRUN --mount=from=1,target=/x y\nFROM base\n", "2: the stage `1` is not above this one"),
        ("FROM base\nARG S=a\nCOPY --from=$S /x /x\n", "3: variables of `--from=$S` are not replaced"),
        ("FROM base\nRUN --mount=from=${S},target=/x y\n", "2: variables of `from=${S}` are not replaced"),
    ],
)
def test_what_no_stage_can_take_from(text: str, message: str) -> None:
    world, label = declare(text, target="0")
    with pytest.raises(SpecError) as caught:
        world.analyzer.question(label, AMD64)
    assert f"Dockerfile:{message}" in str(caught.value)


PARENT = "FROM base AS p\nONBUILD ARG V=1\nONBUILD RUN echo $V\n"


@pytest.mark.parametrize(("text", "parent"), [(PARENT + "FROM p\n", ""), ("FROM parent\n", PARENT)])
def test_triggers_run_where_their_image_is_stood_on(text: str, parent: str) -> None:
    """Whether that is a stage or a target; an argument of theirs can be stated."""
    (step,) = steps(build(text, parent, args={"V": "2"}))
    assert step["environment"]["V"] == "2"


def test_a_stage_that_only_a_trigger_takes_from() -> None:
    text = "FROM base AS made\nRUN make\nFROM base AS p\nONBUILD COPY --from=made /x /x\nFROM p\n"
    assert any(action.builtin == builtins.RUN_STEP for action in walk(build(text).action))


@pytest.mark.parametrize("trigger", ["RUN --network=default x", "COPY --from=registry.example/x /a /b"])
@pytest.mark.parametrize("in_target", [False, True])
def test_what_a_trigger_takes_is_locked(trigger: str, *, in_target: bool) -> None:
    parent = f"FROM base AS p\nONBUILD {trigger}\n"
    world, label = declare("FROM parent\n" if in_target else f"{parent}FROM p\n", parent)
    question = world.analyzer.question(label, AMD64)
    assert isinstance(question, ImageQuestion)
    assert question.networked or question.references == ("registry.example/x:latest",)


def test_triggers_are_of_one_generation() -> None:
    assert steps(build(PARENT + "FROM p AS q\nFROM q\n"))[0]["argv"][-1] == "echo $V"
    assert len(steps(build(PARENT + "FROM p AS q\nFROM q\n"))) == 1


def test_variables_in_every_value_of_a_mount() -> None:
    text = (
        "FROM base\nENV D=/d U=5 M=0750 I=name\n"
        "RUN --mount=type=cache,target=$D/c,id=$I-${U},uid=$U,gid=$U,mode=$M true\n"
        "RUN --mount=type=secret,source=$I,target=$D/s true\n"
    )
    (cache,), (secret,) = (step["mounts"] for step in steps(build(text)))
    assert (cache["target"], cache["id"], cache["uid"], cache["mode"]) == ("/d/c", "name-5", 5, 0o750)
    assert (secret["target"], secret["id"]) == ("/d/s", "name")


@pytest.mark.parametrize(("target", "expected"), [("", "default"), ("last", "last")])
def test_the_stage_that_is_asked_for_is_an_argument(target: str, expected: str) -> None:
    found = build("FROM base AS last\nARG TARGETSTAGE\nLABEL a=$TARGETSTAGE\n", target=target)
    assert found.config.labels == {"a": expected}


def test_an_image_of_nothing_begins_in_its_root() -> None:
    """As Docker has it: the folder and the path are stated."""
    config = build("FROM scratch\nLABEL a=b\n").config
    assert (config.workdir, list(config.variables)) == ("/", ["PATH"])
