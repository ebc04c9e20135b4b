"""A workspace with an image in which programs can run: busybox under some of its names, and accounts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.makers.project import Project, environment
from tests.makers.questions import host_facts
from tests.makers.servers import require_programs

APPLETS = ("sh", "cat", "env", "ls", "mkdir", "nc", "pwd", "sleep", "id", "touch", "trap", "stty", "kill")
_ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n",
    "group": "root:x:0:\napp:x:1000:\n",
}


def runnable(**attributes: Any) -> str:
    """The target `app` for BUILD.yaml, whose image has programs; for this machine, unless stated."""
    files = {f"bin/{applet}": f"/bin/{applet}" for applet in APPLETS}
    files |= {f"etc/{file}": f"/etc/{file}" for file in _ACCOUNTS}
    here: dict[str, Any] = {"files": files, "platforms": [str(host_facts().platform)]}
    return environment(**{**here, **attributes})


def write_runnable(project: Project, **attributes: Any) -> Project:
    """Give a project the target `:app`, locked."""
    require_programs("busybox")
    for applet in APPLETS:
        place = project.root / "bin" / applet
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(shutil.which("busybox") or ""), place)
        place.chmod(0o755)
    files = {f"etc/{file}": text for file, text in _ACCOUNTS.items()}
    project.write({**files, "BUILD.yaml": runnable(**attributes)}).succeed("lock")
    return project
