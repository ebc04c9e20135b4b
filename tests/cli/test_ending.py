"""How a process ends in which rattler was at work: its threads crash an interpreter that is taken down."""

from __future__ import annotations

import subprocess
import sys

from tests.makers.project import Project

PROGRAM = """
import atexit, sys
atexit.register(print, "taken down")
sys.argv = ["envbuild", "import", {file!r}]
{load}
from envbuild.__main__ import main
sys.exit(main())
"""


def end(project: Project, file: str, load: str = "") -> tuple[int, str]:
    """The exit code and the last line of an import in a process that tells when Python is taken down."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(file=file, load=load)],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout.splitlines()[-1]


def write(project: Project, package: str) -> Project:
    return project.write(
        {
            "BUILD.yaml": "",
            "requirements.txt": "six\n",
            "environment.yml": f"name: conda\nchannels: [conda-forge]\ndependencies: [{package}]\n",
        }
    )


def test_what_was_said_and_the_exit_code_stay(project: Project) -> None:
    write(project, "blas=*=mkl")  # it takes rattler to judge this
    assert end(project, "requirements.txt") == (0, "taken down")
    code, said = end(project, "environment.yml")
    assert (code, said.startswith("wrote //:conda to BUILD.yaml")) == (0, True)


def test_who_has_rattler_already_goes_on(project: Project) -> None:
    write(project, "blas=*=mkl")
    assert end(project, "environment.yml", "import rattler") == (0, "taken down")
