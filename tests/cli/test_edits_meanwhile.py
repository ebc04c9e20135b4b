"""A file edited between the moment it was hashed and the moment it is read gets into nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Outcome, Project, environment
from tests.makers.stored import StoredImage

OLD, NEW = "old\n", "new\n"


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    index.add(make_package("alpha"))
    project.write(
        {"BUILD.yaml": environment(pip=["alpha"], files={"train.py": "/train.py"}), "train.py": OLD}
    )
    project.succeed("lock")
    return project


def build_and_edit(project: Project, edit: Callable[[Path], object]) -> Outcome:
    """A build whose file is edited when it is hashed and not yet read: when the registry is asked."""

    def answer(asked: Asked) -> Answer:
        edit(project.root / "train.py")
        return Answer(404)

    with open_gate(Gate("", before=answer)) as gate:
        outcome = project.run("build", "--push", "--registry", gate.host)
        assert gate.asked
    return outcome


EDITS: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda path: path.write_text(NEW),
    "more bytes": lambda path: path.write_text(OLD + NEW),
    "replaced": lambda path: [path.with_name("draft").write_text(NEW), path.with_name("draft").replace(path)],
    "gone": lambda path: path.unlink(missing_ok=True),
}


@pytest.mark.parametrize("how", EDITS)
def test_an_edit_meanwhile_is_an_error_and_is_kept_nowhere(locked: Project, how: str) -> None:
    outcome = build_and_edit(locked, EDITS[how])
    assert outcome.code == 1
    said = "cannot be read any more" if how == "gone" else "changed during the build"
    assert f"`{locked.root / 'train.py'}` {said}" in outcome.err
    assert locked.images() == []
    kept = {path.name for path in (locked.cache / "blobs" / "sha256").iterdir()}
    assert not kept & {hashlib.sha256(text.encode()).hexdigest() for text in (OLD, NEW, OLD + NEW)}
    # No result is remembered under either content: both builds make their own, and each is right.
    digests = set()
    for text in (OLD, NEW):
        locked.write({"train.py": text})
        target = locked.succeed("build", "--output", "json").target
        assert target["status"] == "built"
        assert holds(StoredImage(locked.cache / target["image"].replace("envs/", "images/")), text)
        digests.add(target["digest"])
    assert len(digests) == 2


def holds(image: StoredImage, text: str) -> bool:
    return ("train.py", text.encode()) in image.heads("linux/amd64")


def test_touching_meanwhile_is_no_edit(locked: Project) -> None:
    outcome = build_and_edit(locked, Path.touch)
    assert "changed during the build" not in outcome.err
    assert len(locked.images()) == 1
