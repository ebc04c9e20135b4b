"""Places for mounts in a root that lacks them: made for the time of a step, and no change of it."""

from __future__ import annotations

import os

from envbuild.execute.sandbox.inside.channel import Refusal


class Places:
    """Makes folders and files to mount on, and remembers which of them were not there."""

    def __init__(self) -> None:
        self.made: list[str] = []  # absolute paths, in order

    def folder(self, target: str) -> str:
        """The real path of a folder at `target`; links are followed within the root. Raises Refusal."""
        path = os.path.realpath(target)
        missing = []
        above = path
        while not os.path.lexists(above):
            missing.append(above)
            above = os.path.dirname(above)
        if not os.path.isdir(above):
            raise Refusal(f"`{target}` cannot be a folder in the image: `{above}` is none")
        for each in reversed(missing):
            os.mkdir(each, 0o755)
            self.made.append(each)
        return path

    def file(self, target: str) -> str:
        """The real path of a file at `target`. Raises Refusal."""
        path = os.path.realpath(target)
        self.folder(os.path.dirname(path))
        if os.path.isdir(path):
            raise Refusal(f"`{target}` is a folder in the image: no file can be mounted there")
        if not os.path.lexists(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
            self.made.append(path)
        return path
