"""How a process ends in which rattler was at work: its threads crash an interpreter that is taken down."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys
{load}
atexit.register(print, "taken down")
sys.argv = ["envbuild", {argument!r}]
from envbuild.__main__ import main
sys.exit(main())
"""


def end(load: str, argument: str) -> tuple[int, str]:
    program = PROGRAM.format(load=load, argument=argument)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("nothing", 2)])
def test_what_was_said_and_the_exit_code_stay(argument: str, code: int) -> None:
    usual, said = end("", argument)
    assert (usual, said.endswith("taken down\n")) == (code, True)
    assert end("import rattler", argument) == (code, said.removesuffix("taken down\n"))
