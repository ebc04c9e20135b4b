"""Selectors of platforms: the `# [linux64]` behind a line, as conda-build and conda-lock read them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Platform
from envbuild.core.text import excerpt

# What holds on which platform of ours (conda-build, "Preprocessing selectors").
_NAMES: Mapping[str, frozenset[str]] = {
    "linux": frozenset({"linux-64", "linux-aarch64"}),
    "unix": frozenset({"linux-64", "linux-aarch64"}),
    "linux64": frozenset({"linux-64"}),
    "x86_64": frozenset({"linux-64"}),
    "x86": frozenset({"linux-64"}),
    "aarch64": frozenset({"linux-aarch64"}),
    # Platforms that nothing is built for here.
    **dict.fromkeys(
        ["linux32", "ppc64le", "s390x", "armv6l", "armv7l", "osx", "osx64", "arm64", "win", "win32", "win64"],
        frozenset(),
    ),
}
_SELECTOR = compile_later(r"#\s*\[([^\[\]]*)\]")
_TOKEN = compile_later(r"\s*([A-Za-z0-9_]+|[()]|\S)")
_MAX_LENGTH = 200


def has_selector(comment: str) -> bool:
    """Whether a comment begins with a selector, of platforms or not."""
    return _SELECTOR.match(comment) is not None


def select_platforms(comment: str) -> frozenset[str]:
    """The platforms, by conda's names, that a line with this comment is for; raises SpecError."""
    everywhere = frozenset(each.conda for each in Platform.all())
    match = _SELECTOR.match(comment)
    if match is None:
        return everywhere
    if len(match[1]) > _MAX_LENGTH:
        raise SpecError(f"the selector `{excerpt(match[1])}` is too long")
    tokens = [each[1] for each in _TOKEN.finditer(match[1])]
    try:
        return frozenset(each for each in everywhere if _Expression(tokens, each).value())
    except (KeyError, ValueError):
        raise SpecError(
            f"`{excerpt(match[1])}` selects no platform",
            hint="use `linux`, `linux64`, `aarch64`, `osx`, `win` with `not`, `and`, `or`; "
            "write another comment without brackets",
        ) from None


class _Expression:
    """`not`, `and` and `or` over names, judged for one platform; KeyError, ValueError: it is none."""

    def __init__(self, tokens: Collection[str], platform: str) -> None:
        self._tokens: Iterator[str] = iter(tokens)
        self._platform = platform
        self._next = next(self._tokens, "")

    def value(self) -> bool:
        """Whether all of it holds."""
        found = self._either()
        if self._next:
            raise KeyError(self._next)
        return found

    def _advance(self) -> str:
        token, self._next = self._next, next(self._tokens, "")
        if not token:
            raise ValueError("nothing more")
        return token

    def _either(self) -> bool:
        found = self._both()
        while self._next == "or":
            self._advance()
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._next == "and":
            self._advance()
            found = self._one() and found
        return found

    def _one(self) -> bool:
        token = self._advance()
        if token == "not":  # noqa: S105 (no secret)
            return not self._one()
        if token != "(":  # noqa: S105
            return self._platform in _NAMES[token]
        found = self._either()
        if self._advance() != ")":
            raise KeyError(token)
        return found
