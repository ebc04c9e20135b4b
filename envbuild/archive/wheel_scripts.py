"""The executables that an installer makes from a wheel's entry points, and `#!python` (PEP 427).

Entry points: packaging.python.org, "Entry points specification", "Use for scripts".
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later

SHEBANG: Final = b"#!python"

_REFERENCE: Final = compile_later(r"(?P<module>[\w.]+)\s*:\s*(?P<attr>[\w.]+)\s*(?:\[.*\])?\s*\Z")
_VERSIONED: Final = {"pip": r"pip(\d+(\.\d+)?)?", "easy_install": r"easy_install(-\d+\.\d+)?"}
_WRAPPER: Final = compile_later(r"(.*?)(\.exe|-script\.py|\.pya)?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class EntryPoints:
    """A wheel's console and gui scripts: references (`module:attr`) by script name."""

    console: Mapping[str, str]
    gui: Mapping[str, str]

    def wraps(self, name: str) -> bool:
        """Whether a file among a wheel's scripts is a wrapper for an entry point, which is made anew."""
        match = _WRAPPER.fullmatch(name)
        return match is not None and (match[1] in self.console or match[1] in self.gui)


def parse_entry_points(text: str) -> EntryPoints:
    """Read `entry_points.txt`; raises ArchiveError."""
    parser = configparser.ConfigParser(delimiters="=", strict=False, interpolation=None, default_section="\0")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are case-sensitive
    try:
        parser.read_string(text)
    except configparser.Error:
        raise ArchiveError("`entry_points.txt` is malformed") from None
    console, gui = (
        dict(parser.items(section)) if parser.has_section(section) else {}
        for section in ("console_scripts", "gui_scripts")
    )
    return EntryPoints(console, gui)


def generate_scripts(points: EntryPoints, interpreter: str, python: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the executables, in order; raises ArchiveError for a malformed entry point."""
    for name, reference in _for_python(points.console, python).items():
        yield name, generate_script(name, reference, interpreter)
    for name, reference in points.gui.items():
        yield name, generate_script(name, reference, interpreter, "gui")


def generate_script(
    name: str, reference: str, interpreter: str, section: Literal["console", "gui"] = "console"
) -> bytes:
    """The executable of one entry point; raises ArchiveError where it is malformed."""
    from installer.scripts import Script

    match = _REFERENCE.match(reference)
    if not match or "/" in name or not name.isprintable():
        raise ArchiveError(
            f"the entry point `{name} = {reference}` is not a script name and `module:attribute`"
        )
    return Script(name, match["module"], match["attr"], section).generate(interpreter, "posix")[1]


def fix_shebang(script: bytes, interpreter: str) -> bytes:
    """The script with its first line, `#!python` and what follows, made to name the interpreter."""
    _, _, rest = script.partition(b"\n")
    return b"#!" + interpreter.encode() + b"\n" + rest


def _for_python(console: Mapping[str, str], python: str) -> dict[str, str]:
    """The console scripts, where pip's and setuptools' own are named after the target's Python.

    One wheel of theirs serves all Pythons, so the versions in its entry points are the builder's.
    """
    kept = dict(console)
    named: dict[str, str] = {}
    for name, pattern in _VERSIONED.items():
        reference = kept.get(name)
        if reference is None:
            continue
        kept = {other: value for other, value in kept.items() if not re.fullmatch(pattern, other)}
        major = python.partition(".")[0]
        names = ("pip", f"pip{major}", f"pip{python}") if name == "pip" else (name, f"{name}-{python}")
        named.update(dict.fromkeys(names, reference))
    return named | kept
