"""How long the pre-commit hook takes to check the locks of 200 targets."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.clock import Ran, run
from benchmarks.findings import Finding
from benchmarks.rounds import Contender, compare
from benchmarks.workshop import PYTHON, Workshop
from envbuild.core.label import Label
from envbuild.graph.project import Project
from envbuild.lock.check import record_inputs
from envbuild.lock.files import LockFiles
from envbuild.lock.model import Lock, Locked, PlatformLock
from envbuild.spec.recorder import Unrecorded

PACKAGES: Final = 20
TARGETS_IN_EACH: Final = 10
_CHECKING: Final = "locks of 200 targets checked, once the process runs"
_AT_MOST: Final = {_CHECKING: 0.3}  # seconds
_DIRECT: Final = 10
_LOCKED: Final = 40
_CONSTRAINED: Final = 100
_FACTS: Final = {"python": "3.11", "libc": "glibc 2.17"}
_BASE_FACTS: Final = {"libc": "glibc 2.36", "python": "3.11.2", "interpreter": "/usr/bin/python3.11"}

# What is imported late, such as YAML, counts.
_CHECK: Final = """
import time
import envbuild.graph.project
from envbuild.cli.hook import check_locks
begun = time.perf_counter()
check_locks.main(["--quiet"], standalone_mode=False)
print(time.perf_counter() - begun)
"""


def measure(workshop: Workshop) -> list[Finding]:
    """The hook over all targets, and over those that a commit may touch."""
    with tempfile.TemporaryDirectory(dir=workshop.folder) as folder:
        root = Path(folder) / "workspace"
        write_workspace(root)
        contenders: dict[str, Contender] = {
            _CHECKING: lambda: float(_run(["-c", _CHECK], root).output),
            "the same, whole command": lambda: _check([], root),
            "one target's requirements touched": lambda: _check(["p07/requirements3.in"], root),
            "no target touched": lambda: _check(["README.md"], root),
        }
        taken = compare(contenders, workshop.rounds)
    return [Finding(name, seconds, _AT_MOST.get(name, 0)) for name, seconds in taken.items()]


def write_workspace(root: Path) -> None:
    """Twenty folders of ten targets on one base, each with requirements and a lock that fits."""
    files = dict(_spec_files())
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    project = Project(root, root, Unrecorded())
    locks = LockFiles(root, Unrecorded().record)
    for label in project.with_dependencies(project.labels(["//..."])):
        locks.write(label, _lock(project, label))


def _spec_files() -> Iterator[tuple[str, str]]:
    yield "envbuild.yaml", "sources: [{index: {name: pypi, url: 'https://index.invalid/simple'}}]\n"
    yield "constraints.txt", "".join(f"package-{n}<99,>=0.1\n" for n in range(_CONSTRAINED))
    yield "base/BUILD.yaml", "- debian_base: {name: base, suite: bookworm, packages: [python3.11-minimal]}\n"
    for package in range(PACKAGES):
        yield f"p{package:02}/BUILD.yaml", "".join(_target(n) for n in range(TARGETS_IN_EACH))
        for n in range(TARGETS_IN_EACH):
            lines = [f"package-{(n + step) % _LOCKED}>=1.{package},<3  # why\n" for step in range(_DIRECT)]
            text = "-c ../constraints.txt\n" + "".join(lines)
            yield f"p{package:02}/requirements{n}.in", text


def _target(n: int) -> str:
    attributes = {
        "name": f"app{n}",
        "base": "//base:base",
        "pip": f"requirements{n}.in",
        "variables": {"OMP_NUM_THREADS": "1"},
        "entrypoint": ["python", "-m", "app"],
    }
    lines = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in attributes.items())
    return f"- environment:\n{lines}"


def _lock(project: Project, label: Label) -> Lock:
    (platform,) = project.analyzer.platforms(label)
    question = project.analyzer.question(label, platform)
    assert question is not None
    is_base = label.name == "base"
    artifacts = (_deb(),) if is_base else tuple(sorted(_wheel(n, label.package) for n in range(_LOCKED)))
    part = PlatformLock(artifacts, _BASE_FACTS if is_base else _FACTS)
    kind = project.analyzer.rule(label).name
    return Lock(kind, record_inputs({platform: question}), {platform: part})


def _wheel(n: int, package: str) -> Locked:
    name = f"package-{n}"
    file = f"package_{n}-2.{n}-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    requires = tuple(f"package-{(n + step) % _LOCKED}>=1.{package[1:]},!=1.5" for step in (1, 2, 5))
    extra = (f'package-{(n + 7) % _LOCKED}>=1; extra == "more"',)
    return Locked("wheel", name, f"2.{n}", "pypi", file, _sha256(file), 1000 + n, requires + extra)


def _deb() -> Locked:
    file = "pool/main/p/python3.11/python3.11-minimal_3.11.2-6_amd64.deb"
    return Locked("deb", "python3.11-minimal", "3.11.2-6", "debian", file, _sha256(file), 2_000_000)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check(files: Sequence[str], root: Path) -> float:
    return _run(["-m", "envbuild", "hook", "lock-check", *files], root).seconds


def _run(arguments: Sequence[str], root: Path) -> Ran:
    environment = {"PATH": os.defpath, "ENVBUILD_CACHE_DIR": str(root.parent / "cache")}
    return run([PYTHON, *arguments], environment, root)
