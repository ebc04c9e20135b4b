"""What conda's answer means to pip: its Python is the target's, its packages are there already."""

from __future__ import annotations

from collections.abc import Iterable

from envbuild.core.dataclass import replace
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Interpreter
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.model import CondaQuestion, Locked, PythonQuestion, Question, Single, split_question

_VERSION = compile_later(r"[1-9][0-9]{0,2}\.[0-9]{1,3}(?:\.|\Z)")


def find_python(artifacts: Iterable[Locked], prefix: str) -> Interpreter | None:
    """The Python that lies under a prefix if these are there; None where conda brings none."""
    for each in artifacts:
        if each.kind == CONDA and each.name == "python" and _VERSION.match(each.version):
            python = Interpreter(each.version)
            return replace(python, path=f"/{prefix}/bin/python{python.minor}")
    return None


def provided_pins(artifacts: Iterable[Locked]) -> dict[str, Locked]:
    """The Python distributions that conda packages bring, by the names and at the versions that pip knows."""
    pins = {}
    for each in artifacts:
        for provided in each.conda.provides if each.conda else ():
            name, _, version = provided.partition("==")
            pins[name] = replace(each, name=name, version=version, requires=(), conda=None)
    return pins


def follow_conda(question: PythonQuestion, artifacts: Iterable[Locked]) -> PythonQuestion:
    """The question of pip once conda's is answered by these."""
    found = [each for each in artifacts if each.kind == CONDA]
    python = find_python(found, "") or question.facts.python
    return replace(
        question,
        facts=replace(question.facts, python=python),
        pins={**question.pins, **provided_pins(found)},
    )


def follow_in(question: Question, artifacts: Iterable[Locked]) -> tuple[Single, ...]:
    """The questions of a target, those of pip as they are once conda's is answered by `artifacts`."""
    singles = split_question(question)
    if not any(isinstance(each, CondaQuestion) for each in singles):
        return singles
    found = tuple(artifacts)
    return tuple(follow_conda(each, found) if isinstance(each, PythonQuestion) else each for each in singles)
