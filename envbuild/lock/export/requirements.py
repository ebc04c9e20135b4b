"""A lock as hashed requirements: what `pip install --require-hashes` and `uv pip sync` read.

The format is pip's own ("Requirements File Format"); it names no index: whoever installs chooses
one, and the hashes decide whether it serves the right files.
"""

from __future__ import annotations

import re

from envbuild.core.errors import UsageError
from envbuild.core.pattern import compile_later
from envbuild.lock.export.packages import Environment, Places
from envbuild.lock.model import Locked

# In a path, pip takes these for a comment, a marker, a variable, an option or the end of the word.
_SPECIAL = compile_later(r"[\s#;$%\\'\"]")
_SPACE = compile_later(r"\s")


def write_requirements(label: str, environment: Environment, places: Places) -> str:
    """The packages of one platform, sorted by name; raises UsageError for what pip would misread.

    `places` need only have the local wheels; pip reads their paths from where it is started.
    """
    python, platform = environment.facts.python, environment.facts.platform
    assert python is not None
    lines = [f"# {label} for {platform}, Python {python.minor}: written by `envbuild export`"]
    for wheel in environment.wheels:
        lines += [f"{_requirement(wheel, places)} \\", f"    --hash=sha256:{wheel.sha256}"]
    return "\n".join(lines) + "\n"


def _requirement(wheel: Locked, places: Places) -> str:
    if wheel.is_url:
        return f"{wheel.name} @ {_checked(wheel.file, _SPACE)}"
    if wheel.is_local:
        return _checked(places[wheel.sha256], _SPECIAL)
    return f"{wheel.name}=={wheel.version}"


def _checked(place: str, special: re.Pattern[str]) -> str:
    if special.search(place):
        raise UsageError(
            f"a requirements file cannot hold `{place}`",
            hint="use only letters, digits, `.`, `_`, `+` and `-` in names of folders and files",
        )
    return place
