"""What is refused of `compile` on the command line, before anything is made."""

from __future__ import annotations

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment


def test_on_scratch(project: Project, index: FakeIndex) -> None:
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"], compile=True)}).succeed("lock")
    said = project.fail(2, "build")
    assert "`//:app`: on `scratch` there is no interpreter to compile with" in said
    assert "hint: leave `compile` out" in said
    project.write({"BUILD.yaml": environment(pip=["alpha"], compile=False)}).succeed("build")


def test_compile_is_true_or_false(project: Project) -> None:
    said = project.write({"BUILD.yaml": environment(compile="always")}).fail(2, "build")
    assert "`compile`" in said


def test_a_lock_stays_fresh(project: Project, index: FakeIndex) -> None:
    """Which packages there are is no matter of bytecode."""
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    project.write({"BUILD.yaml": environment(pip=["alpha"], compile=True)}).succeed("lock", "--check")
