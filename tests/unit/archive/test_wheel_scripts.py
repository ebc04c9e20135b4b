"""Executables of entry points, beside those of `installer`, which writes what pip does."""

from __future__ import annotations

import pytest
from installer.scripts import Script

from envbuild.archive.wheel_scripts import generate_script

LONGEST = "/" + "p" * 123  # a first line of 127 bytes, which is all that some kernels read


@pytest.mark.parametrize(
    "interpreter",
    [
        "/opt/env/bin/python",
        LONGEST,
        LONGEST + "p",
        "/" + "\N{LATIN SMALL LETTER E WITH ACUTE}" * 62,  # shorter than that in letters only
        "/opt/my env/bin/python",
        "/opt/it's mine/bin/python",
    ],
)
@pytest.mark.parametrize("attribute", ["main", "Program.main"])
def test_scripts_are_those_of_installer(interpreter: str, attribute: str) -> None:
    theirs = Script("run", "some.module", attribute, "console").generate(interpreter, "posix")
    assert generate_script("run", f"some.module:{attribute}", interpreter) == theirs[1]
