"""Commands as an ordinary user runs them, with sub-ids or without, and workspaces of that user's."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.makers.project import Project

# An ordinary user, but for reading: the tests' interpreter may lie in a folder of root's.
NOBODY = (
    *("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
    *("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"),
)
SUB_IDS = "nobody:200000:65536\n"
# In a mount namespace of its own, in which nobody has sub-ids.
_WITH_SUB_IDS = (
    *("unshare", "--mount", "sh", "-ec"),
    'mount --bind "$0" /etc/subuid; mount --bind "$0" /etc/subgid; exec "$@"',
)


def grant(text: str, folder: Path) -> list[str]:
    """What makes this the only grant of sub-ids for a command."""
    ids = folder / "ids"
    ids.write_text(text)
    return [*_WITH_SUB_IDS, str(ids)]


def run_as_nobody(
    project: Project, arguments: Sequence[str], prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `envbuild` in a workspace of nobody's."""
    command = [*prefix, *NOBODY, sys.executable, "-m", "envbuild", *arguments]
    environment = {**project.environment, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=project.root, env=environment, capture_output=True, text=True, check=False
    )


def copy_parts(project: Project, made: Project, *parts: str) -> Project:
    """Give a project the workspace of another one, and these parts of its cache; all of it is nobody's."""
    subprocess.run(["rm", "-rf", made.root, made.cache], check=True)
    shutil.copytree(project.root, made.root)
    for part in parts:
        shutil.copytree(project.cache / part, made.cache / part, symlinks=True)
    give_away(made)
    return made


def give_away(project: Project) -> None:
    """Let all of a project be nobody's."""
    subprocess.run(["chown", "-R", "65534:65534", project.top], check=True)
