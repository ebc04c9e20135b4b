"""The executables that an installer makes from a wheel's entry points, and `#!python` (PEP 427).

Entry points: packaging.python.org, "Entry points specification", "Use for scripts".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later

SHEBANG: Final = b"#!python"

_REFERENCE: Final = compile_later(r"(?P<module>[\w.]+)\s*:\s*(?P<attr>[\w.]+)\s*(?:\[.*\])?\s*\Z")
_VERSIONED: Final = {"pip": r"pip(\d+(\.\d+)?)?", "easy_install": r"easy_install(-\d+\.\d+)?"}
_WRAPPER: Final = compile_later(r"(.*?)(\.exe|-script\.py|\.pya)?", re.IGNORECASE | re.DOTALL)
_MAX_SHEBANG: Final = 127  # bytes that every kernel reads of a first line
# To the byte what `installer` and distlib write, and with the latter pip: whoever compares finds the same.
_SCRIPT: Final = """\
# -*- coding: utf-8 -*-
import re
import sys
from {module} import {name}
if __name__ == "__main__":
    sys.argv[0] = re.sub(r"(-script\\.pyw|\\.exe)?$", "", sys.argv[0])
    sys.exit({attribute}())
"""


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
    import configparser

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
        yield name, generate_script(name, reference, interpreter)


def generate_script(name: str, reference: str, interpreter: str) -> bytes:
    """The executable of one entry point; raises ArchiveError where it is malformed."""
    match = _REFERENCE.match(reference)
    if not match or "/" in name or not name.isprintable():
        raise ArchiveError(
            f"the entry point `{name} = {reference}` is not a script name and `module:attribute`"
        )
    module, attribute = match["module"], match["attr"]
    code = _SCRIPT.format(module=module, name=attribute.partition(".")[0], attribute=attribute)
    return _shebang(interpreter).encode() + code.encode()


def _shebang(interpreter: str) -> str:
    """The first line: where no kernel can read it, that of a shell script which Python takes for text."""
    if " " not in interpreter and len(f"#!{interpreter}\n".encode()) <= _MAX_SHEBANG:
        return f"#!{interpreter}\n"
    import shlex

    return f"#!/bin/sh\n'''exec' {shlex.quote(interpreter)} \"$0\" \"$@\"\n' '''\n"


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
