"""What envbuild leaves out where it looks for files by itself: in folders, globs and `...`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from envbuild.core.errors import Location, SpecError
from envbuild.spec.build_file import BUILD_FILE
from envbuild.spec.recorder import Recorder

IGNORE_FILE = ".envbuildignore"

# Of no image: what version control, Python and envbuild itself keep beside the files.
_NEVER = frozenset({".git", "__pycache__", BUILD_FILE, IGNORE_FILE})


class Ignored:
    """The workspace's ignore file, in gitignore's syntax, with patterns relative to the root."""

    def __init__(self, root: Path, recorder: Recorder) -> None:
        self._root = root
        self._recorder = recorder
        self._matches: Callable[[str], bool] | None = None

    def covers(self, name: str, *, is_folder: bool) -> bool:
        """Whether to leave out a path relative to the root, and a folder with all below it.

        The caller asks for folders first: what lies below an ignored one cannot be taken back in.
        Raises SpecError where the ignore file is not one.
        """
        if name.rpartition("/")[2] in _NEVER:
            return True
        if self._matches is None:
            self._matches = self._load()
        return self._matches(f"{name}/" if is_folder else name)

    def _load(self) -> Callable[[str], bool]:
        path = self._root / IGNORE_FILE
        self._recorder.record(path)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return lambda _: False
        except (OSError, UnicodeDecodeError):
            raise SpecError("cannot be read as UTF-8 text", location=Location(IGNORE_FILE)) from None
        return _compile(lines)


def _compile(lines: list[str]) -> Callable[[str], bool]:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines).match_file
    except ValueError as error:
        raise SpecError(f"not gitignore's syntax: {error}", location=Location(IGNORE_FILE)) from None
