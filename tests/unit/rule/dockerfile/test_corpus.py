"""Every Dockerfile of the corpus through parser, plan and graph; the local ones are built in tests/e2e."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from envbuild.core.label import Label
from envbuild.lock.check import record_inputs
from envbuild.lock.model import ImageQuestion, Lock, Locked, PlatformLock
from envbuild.rule import builtins
from envbuild.rule.declared import walk
from envbuild.rule.image import Image
from envbuild.spec.dockerfile.context import read_context
from envbuild.spec.dockerfile.parse import parse_dockerfile
from envbuild.spec.place import Place
from tests.makers.corpus import CORPUS, LOCAL, texts, write_context
from tests.makers.targets import AMD64, World, make_base_image
from tests.makers.workspace import Looks

# What each declares in all: steps that run, and layers that are copied or made for WORKDIR.
STEPS = {
    "add-archives": (1, 10),
    "apt-packages": (2, 0),
    "arguments": (3, 1),
    "build-tool": (2, 3),
    "capabilities": (2, 4),
    "changes": (7, 0),
    "copy-existing": (3, 21),
    "copy-forms": (0, 16),
    "copy-owners": (0, 6),
    "deploy-key": (1, 1),
    "downloads": (0, 3),
    "entrypoints": (0, 1),
    "escape": (1, 0),
    "go-service": (2, 5),
    "heredocs": (4, 2),
    "ignored": (0, 2),
    "jvm-layers": (2, 4),
    "links": (1, 6),
    "mounts": (8, 0),
    "next-app": (5, 8),
    "node-app": (1, 4),
    "onbuild": (2, 1),
    "python-app": (1, 5),
    "release-tool": (1, 2),
    "rust-tool": (1, 2),
    "secrets": (3, 0),
    "settings": (0, 0),
    "stages": (3, 4),
    "training": (4, 3),
    "users": (4, 5),
}
CONSTRUCTS = {
    "syntax directive": r"\A# syntax=",
    "several stages": r"(?ms)^FROM.*^FROM",
    "COPY --from": r"COPY .*--from=",
    "--chown": r"--chown=",
    "--chmod": r"--chmod=",
    "--link": r"--link",
    "arguments before FROM": r"(?s)\A(#[^\n]*\n)?ARG.*^FROM",
    "expansion with a modifier": r"\$\{\w+:?[-+]",
    "archives": r"(?m)^ADD .*archive",
    "SHELL": r"(?m)^SHELL",
    "USER": r"(?m)^USER",
    "WORKDIR": r"(?m)^WORKDIR",
    "HEALTHCHECK": r"(?m)^HEALTHCHECK",
    "ONBUILD": r"(?m)^ONBUILD",
    "here-documents": r"<<",
    "cache mounts": r"--mount=type=cache",
    "bind mounts": r"--mount=type=bind",
    "secrets": r"--mount=type=secret",
    "memory": r"--mount=type=tmpfs",
    "commands as lists": r'(?m)^(CMD|ENTRYPOINT|RUN) \[ ?"',
    "commands of a shell": r"(?m)^(CMD|ENTRYPOINT) [a-z]",
}


def declare(name: str, root: Path) -> tuple[World, Label]:
    """The target of a Dockerfile of the corpus, on a base that is locked on paper."""
    place = Place(root, "", Looks(root))
    world = World()
    return world, world.declare(
        "dockerfile_image",
        name,
        dockerfile=parse_dockerfile((CORPUS / f"{name}.Dockerfile").read_bytes(), f"{name}.Dockerfile"),
        context=read_context("context", place),
        contexts={"base": world.debian("base")},
    )


def build(name: str, root: Path) -> Image:
    """The image of a Dockerfile, with all that it names locked on paper."""
    world, label = declare(name, root)
    part = None
    for _ in range(2):  # what the images say may be part of what is asked
        question = world.analyzer.question(label, AMD64, part)
        if question is None:
            continue
        assert isinstance(question, ImageQuestion)
        images = dict.fromkeys(question.references, make_base_image())
        # What is added to an image is asked for once that is known.
        question = world.analyzer.question(label, AMD64, PlatformLock((), images=images))
        assert isinstance(question, ImageQuestion)
        facts = {"generation": "1"} if question.networked else {}
        files = [
            Locked("file", f"f{n}", "1", "", each.url, each.sha256, 9)
            for n, each in enumerate(question.downloads)
        ]
        part = PlatformLock(tuple(files), facts, images=images)
        world.locks[label] = Lock("dockerfile_image", record_inputs({AMD64: question}), {AMD64: part})
    return world.analyzer.image(label, AMD64)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_context(folder / "context")
    return folder


@pytest.mark.parametrize("name", sorted(texts()))
def test_each_step_is_an_action(name: str, root: Path) -> None:
    image = build(name, root)
    counted = Counter(action.builtin for action in walk(image.action))
    assert (counted[builtins.RUN_STEP], counted[builtins.COPY_LAYER]) == STEPS[name]


@pytest.mark.parametrize("name", sorted(texts()))
def test_comments_blank_lines_and_case_mean_nothing(name: str, root: Path) -> None:
    text = texts()[name]
    lines = re.sub(r"(?m)^(?=FROM)", "# a comment\n\n", text)
    other = re.sub(r"(?m)^([A-Z]+)(?= )", lambda word: word[1].lower(), lines)
    assert other != text
    first, second = (parse_dockerfile(each.encode(), "Dockerfile") for each in (text, other))
    found = [[(i.name, i.words, i.flags) for s in f.stages for i in s.instructions] for f in (first, second)]
    assert found[0] == found[1]


@pytest.mark.parametrize("construct", sorted(CONSTRUCTS))
def test_each_construct_is_in_several(construct: str) -> None:
    assert sum(bool(re.search(CONSTRUCTS[construct], text, re.MULTILINE)) for text in texts().values()) > 1


def test_all_that_need_nothing_are_built(root: Path) -> None:
    declared = {name: declare(name, root) for name in texts()}
    asking = {name: world.analyzer.question(label, AMD64) for name, (world, label) in declared.items()}
    assert sorted(name for name, question in asking.items() if question is None) == sorted(LOCAL)
