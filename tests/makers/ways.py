"""By which way a command found its answer: the memo, a kept graph, or all of it anew."""

from __future__ import annotations

import subprocess
import sys
import time

from envbuild.graph.memo import is_too_young, sign
from tests.makers.project import Outcome, Project

BY_MEMO, BY_GRAPH, WHOLE = "0", "1", "2"
# Says at its end whether what runs actions was imported, and what reads specs.
_WATCHED = """
import sys
from envbuild.__main__ import main
code = main()
sys.stdout.flush()
sys.stderr.write(str(("envbuild.execution" in sys.modules) + ("yaml" in sys.modules)))
sys.exit(code)
"""


def ask(project: Project, *arguments: str) -> tuple[Outcome, str]:
    """What comes of a command, and its way."""
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, *arguments],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr[:-1]), done.stderr[-1:]


def settle(project: Project) -> None:
    """Wait until nothing is so young that a later change might not be told from it."""
    paths = [str(path) for path in (project.root, *project.root.rglob("*"))]
    while is_too_young(map(sign, paths), time.time_ns()):
        time.sleep(0.01)


def forget(project: Project) -> None:
    """Let the next command have no answer."""
    for path in (project.cache / "memo").iterdir():
        path.unlink()
