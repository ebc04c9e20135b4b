"""The prefix for which a package was made, replaced by the one where it is to live.

CEP 34, `prefix_placeholder`; where it is silent, what conda (`conda.core.portability`) and rattler do.
"""

from __future__ import annotations

import re
from typing import Final

from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later

MAX_PATCHED: Final = 1 << 30  # bytes of a file with placeholders, before and after: it is whole in memory
MAX_SHEBANG: Final = 127  # bytes, `#!` among them and the line's end not: what Linux took until 5.1

# A path may hold spaces that are escaped; what follows it are options.
_SHEBANG: Final = compile_later(rb"#! *(/(?:\\ |[^ \n\r\t])*)(.*)", re.DOTALL)
_PYTHON: Final = compile_later(rb"python(\d+(\.\d+)?)?")


def replace_prefix(data: bytearray, placeholder: str, prefix: str, *, binary: bool) -> bytearray:
    """Contents with each placeholder replaced by `prefix` ("/opt/env"); raises ArchiveError.

    It may be `data` itself, changed: libraries with placeholders are as large as memory allows.
    """
    old, new = placeholder.encode(), prefix.encode()
    if len(data) + data.count(old) * (len(new) - len(old)) > MAX_PATCHED:
        raise ArchiveError(f"it would have more than {MAX_PATCHED} bytes with the prefix `{prefix}`")
    if not binary:
        return _replace_text(data, old, new)
    _replace_binary(data, old, new)
    return data


def _replace_text(data: bytearray, old: bytes, new: bytes) -> bytearray:
    if not data.startswith(b"#!"):
        return data.replace(old, new)
    line, end, rest = data.partition(b"\n")
    return bytearray().join((_replace_shebang(bytes(line), old, new), end, rest.replace(old, new)))


def _replace_shebang(line: bytes, old: bytes, new: bytes) -> bytes:
    """The line, made into one that needs no `#!` where a kernel would not take its path."""
    if b" " not in new:
        line = line.replace(old, new)
        return line if len(line) <= MAX_SHEBANG else _avoid_path(line)
    # The path ends at the first space: it must be found before there is one in it.
    return _avoid_path(line).replace(old, new) if old in line else line


def _avoid_path(line: bytes) -> bytes:
    """A first line for a shell that starts the interpreter; Python reads its second as a text."""
    match = _SHEBANG.fullmatch(line)
    if not match:
        return line
    path, options = match.groups()
    name = path.rpartition(b"/")[2]
    if _PYTHON.fullmatch(name):
        return b"#!/bin/sh\n'''exec' \"%b\"%b \"$0\" \"$@\" #'''" % (path, options)
    return b"#!/usr/bin/env %b%b" % (name, options)


def _replace_binary(data: bytearray, old: bytes, new: bytes) -> None:
    """Replace within texts that end with NUL, and fill them up with more, so that nothing else moves."""
    at = 0
    while (start := data.find(old, at)) >= 0:
        if len(new) > len(old):
            raise ArchiveError(
                f"the prefix `{new.decode()}` has {len(new)} bytes, and the package has room for {len(old)}",
                hint="choose a shorter prefix",
            )
        at = data.find(b"\0", start)
        at = len(data) if at < 0 else at
        text = data[start:at].replace(old, new)
        data[start:at] = text.ljust(at - start, b"\0")
