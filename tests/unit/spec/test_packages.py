from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from envbuild.spec.packages import find_packages
from envbuild.spec.recorder import Unrecorded
from tests.makers.workspace import Looks, write_files


def test_folders_with_a_build_file_are_packages(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "BUILD.yaml": "",
            "b/BUILD.yaml": "",
            "b/no/BUILD.txt": "",
            "b/c-1.0/d/BUILD.yaml": "",
            "a/BUILD.yaml/not-a-file": "",
            ".venv/x/BUILD.yaml": "",
            "not a label/BUILD.yaml": "",
            "nested/envbuild.yaml": "",
            "nested/BUILD.yaml": "",
            "nested/below/BUILD.yaml": "",
            "third_party/x/BUILD.yaml": "",
            ".envbuildignore": "third_party/\n",
        },
    )
    (tmp_path / "link").symlink_to("b")
    assert find_packages(tmp_path, "", Unrecorded()) == ("", "b", "b/c-1.0/d")
    assert find_packages(tmp_path, "b/c-1.0", Unrecorded()) == ("b/c-1.0/d",)
    assert find_packages(tmp_path, "gone", Unrecorded()) == ()


def test_every_folder_on_the_way_is_recorded(tmp_path: Path) -> None:
    """A build file may appear in any of them."""
    write_files(tmp_path, {"a/b/BUILD.yaml": "", "c/x": ""})
    looks = Looks(tmp_path)
    find_packages(tmp_path, "", looks)
    assert set(looks.names) == {".", ".envbuildignore", "a", "a/b", "c"}


def test_a_folder_that_cannot_be_read(public_folder: Path) -> None:
    """Root may read every folder, so another user asks."""
    (public_folder / "closed").mkdir(mode=0)
    program = """
import os, sys
from pathlib import Path
from envbuild.core.errors import SpecError
from envbuild.spec.packages import find_packages
from envbuild.spec.recorder import Unrecorded
if os.getuid() == 0:
    os.setuid(65534)
try:
    find_packages(Path(sys.argv[1]), "", Unrecorded())
except SpecError as error:
    print(error)
"""
    run = [sys.executable, "-c", program, str(public_folder)]
    output = subprocess.run(run, capture_output=True, text=True, check=True, cwd="/").stdout
    assert output == (
        "cannot read the folder `closed`: Permission denied\n"
        "hint: make it readable, or add it to `.envbuildignore`\n"
    )
