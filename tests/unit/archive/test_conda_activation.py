"""What scripts of `activate.d` set, where that is all they do; compared with what a shell makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envbuild.archive.conda_activation import PREFIX, is_activation, read_assignments

STATIC = [
    ("", ()),
    ("# a comment\n\n", ()),
    ("export A=1", ("A=1",)),
    ("A=1\nexport A\n", ("A=1",)),
    ("A=1; export A", ("A=1",)),
    ("local_only=1", ()),
    ("export A=1\nexport A=2", ("A=2",)),
    ('export A="two words"', ("A=two words",)),
    ("export A='a; b'", ("A=a; b",)),
    ("export A=", ("A=",)),
    ("export GDAL_DATA=$CONDA_PREFIX/share/gdal", (f"GDAL_DATA={PREFIX}/share/gdal",)),
    ('export B="${CONDA_PREFIX}/x"\nexport A=1', ("A=1", f"B={PREFIX}/x")),
    ("#!/bin/sh\nexport A=b=c", ("A=b=c",)),
]
# Each does more than setting variables to what is known, or something that only a shell can tell.
DYNAMIC = [
    "export A=$HOME",
    "export A=$CONDA_PREFIXES/x",
    "export A=`pwd`",
    "export A=$(pwd)",
    'export A="$(pwd)"',
    "export A=~/x",
    "export A=a*",
    "export A=one two",
    "if true; then export A=1; fi",
    "export A=1 && echo",
    "echo; export A=1",
    "export A=1 # said so",
    "export NEVER_SET",
    "export A=1\nunset A",
    "export A=\\x",
    'export A="a\\$b"',
    "export A='$CONDA_PREFIX'",
    "export A=1 \\\n",
    "export A='a' B='b'",
    "export A='a'; rm -f x; B='b'",
    "export A-B=1",
    "A+=1\nexport A",
    "export -n A=1",
]


@pytest.mark.parametrize(("script", "expected"), STATIC)
def test_known_without_a_shell(script: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    assert read_assignments(script) == expected
    assert sorted(expected) == ask_shell(script, tmp_path)


def ask_shell(script: str, folder: Path) -> list[str]:
    """What a shell that sources the script exports."""
    (folder / "x.sh").write_text(script)
    shown = subprocess.run(
        ["/bin/sh", "-c", ". ./x.sh; exec env"],
        cwd=folder,
        env={"CONDA_PREFIX": "/opt/env"},
        capture_output=True,
        text=True,
        check=True,
    )
    usual = ("PWD=", "CONDA_PREFIX=", "OLDPWD=", "_=", "SHLVL=")
    lines = (line for line in shown.stdout.splitlines() if not line.startswith(usual))
    return sorted(line.replace("/opt/env", PREFIX) for line in lines)


@pytest.mark.parametrize("script", DYNAMIC)
def test_only_a_shell_can_tell(script: str) -> None:
    assert read_assignments(script) is None


@pytest.mark.parametrize("path", ["etc/conda/activate.d/x.fish", "etc/conda/deactivate.d/x.sh", "x.sh"])
def test_what_is_not_sourced(path: str) -> None:
    assert not is_activation(path)
    assert is_activation("etc/conda/activate.d/x.sh")
