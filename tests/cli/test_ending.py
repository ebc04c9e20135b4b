"""How a process ends: at once, since threads of rattler crash an interpreter that is taken down."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.makers.project import Project

PROGRAM = """
import os, sys
class Last:
    def __del__(self, write=os.write):
        write(1, b"taken down")
last = Last()
sys.argv = ["envbuild", "import", {file!r}]
from envbuild.__main__ import main, program
{function}()
"""


def end(project: Project, file: str, function: str = "program") -> tuple[int, str]:
    """The exit code and the last line of an import in a process that tells when Python is taken down."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(file=file, function=function)],
        cwd=project.root,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, "".join(ended.stdout.splitlines()[-1:])


def write(project: Project, package: str) -> Project:
    return project.write(
        {
            "BUILD.yaml": "",
            "requirements.txt": "six\n",
            "environment.yml": f"name: conda\nchannels: [conda-forge]\ndependencies: [{package}]\n",
        }
    )


@pytest.mark.parametrize("file", ["requirements.txt", "environment.yml"])
def test_what_was_said_and_the_exit_code_stay(project: Project, file: str) -> None:
    write(project, "blas=*=mkl")  # it takes rattler to judge this
    code, said = end(project, file)
    assert (code, said[:6]) == (0, "wrote ")
    assert end(project, "nothing.yml") == (2, "")


def test_who_calls_the_function_goes_on(project: Project) -> None:
    assert end(write(project, "python"), "requirements.txt", "main") == (0, "taken down")
