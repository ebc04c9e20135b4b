"""What `make demo` does and says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from envbuild.cli.main import COMMANDS
from tests.e2e.conftest import Built
from tests.makers.examples import REPOSITORY, SKLEARN, locked_artifacts, seed_blobs
from tests.makers.project import Project

pytestmark = pytest.mark.network


def test_demo_shows_the_image_and_the_next_commands(built: Built, tmp_path: Path) -> None:
    # The virtual environment is there, and so are the downloads; the image is made anew.
    machine = Project(tmp_path, {**built.project.variables, "ENVBUILD_CACHE_DIR": str(tmp_path / "cache")})
    seed_blobs(built.project, machine, [artifact["sha256"] for artifact in locked_artifacts(built.project)])
    command = [
        "make",
        "--no-print-directory",
        "demo",
        f"VENV={sys.prefix}",
        f"--assume-old={sys.prefix}/ready",
    ]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=machine.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    layers = built.targets[SKLEARN]["platforms"][0]["layers"]
    size = sum(layer["size"] for layer in layers) / 1e6
    assert done.stdout.splitlines()[:4] == [
        f"{SKLEARN}  built",
        f"  image    envs/{built.name(SKLEARN)}",
        f"  digest   {built.digest(SKLEARN)}",
        f"  layers   {len(layers)}, {size:.1f} MB",
    ]
    assert re.search(r"^done in \d+\.\d s$", done.stdout, re.MULTILINE)
    named = re.findall(r"^  envbuild (\w+) ", done.stdout, re.MULTILINE)
    assert {"build", "load", "lock"} <= set(named) <= set(COMMANDS)
    assert f"docker run --rm envs/{built.name(SKLEARN)}" in done.stdout
