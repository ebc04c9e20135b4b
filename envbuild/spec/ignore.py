"""What envbuild leaves out where it looks for files by itself: in folders, globs and `...`."""

from __future__ import annotations

from pathlib import Path

from envbuild.core.errors import Location, SpecError
from envbuild.spec.build_file import BUILD_FILE
from envbuild.spec.gitignore import IgnoreRule, is_ignored, parse_rules
from envbuild.spec.recorder import Recorder

IGNORE_FILE = ".envbuildignore"

# Of no image: what version control, Python and envbuild itself keep beside the files.
_NEVER = frozenset({".git", "__pycache__", BUILD_FILE, IGNORE_FILE})


class Ignored:
    """The workspace's ignore file, in gitignore's syntax, with patterns relative to the root."""

    def __init__(self, root: Path, recorder: Recorder) -> None:
        self._root = root
        self._recorder = recorder
        self._rules: tuple[IgnoreRule, ...] | None = None

    def covers(self, name: str, *, is_folder: bool) -> bool:
        """Whether to leave out a path relative to the root, and a folder with all below it.

        The caller asks for folders first: what lies below an ignored one cannot be taken back in.
        Raises SpecError where the ignore file is not one.
        """
        if name.rpartition("/")[2] in _NEVER:
            return True
        if self._rules is None:
            self._rules = self._load()
        return is_ignored(self._rules, name, is_folder=is_folder)

    def _load(self) -> tuple[IgnoreRule, ...]:
        path = self._root / IGNORE_FILE
        self._recorder.record(path)
        try:
            return parse_rules(path.read_text(encoding="utf-8"), IGNORE_FILE)
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError):
            raise SpecError("cannot be read as UTF-8 text", location=Location(IGNORE_FILE)) from None
