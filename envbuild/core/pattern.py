"""Regular expressions of modules, compiled when they are first used.

To compile one takes a third of a millisecond, modules state some two hundred, and a command uses few of them.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def compile_later(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` makes of the same, but for functions of `re` itself, which take no such pattern."""
    return cast("re.Pattern[AnyStr]", _Later(text, flags))


class _Later:
    __slots__ = ("_compiled", "_flags", "_text")

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        if name == "_compiled":  # it is not set yet
            self._compiled = re.compile(self._text, self._flags)
            return self._compiled
        return getattr(self._compiled, name)
