"""MatchSpecs (CEP 29): brought to one form of blanks, and judged before anything is asked of a channel."""

from __future__ import annotations

import re
from functools import lru_cache

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import escape, excerpt, summarize

_MAX_LENGTH = 4096
_VERSION = r"\d+(?:\.\d+)*(?:\.\*)?"
_PLAIN = compile_later(
    r"(?:[a-z0-9][a-z0-9_-]*::)?[a-z0-9_][a-z0-9_.-]*"  # channel, name
    rf"(?: ?(?:==|!=|<=|>=|<|>){_VERSION}(?:,(?:==|!=|<=|>=|<|>){_VERSION})*"
    rf"|={_VERSION}(?:=[A-Za-z0-9_]+)?| {_VERSION} [A-Za-z0-9_]+)?",
    re.ASCII,
)
_OPERATOR = compile_later(r"[<>=!~,|]")
_LOGIN = compile_later(r"//[^/\s]*@")
_TOKEN = compile_later(r"/t/[^/\s]")  # as conda writes them: `https://host/t/TOKEN/channel`


@lru_cache(maxsize=1 << 14)
def check_match_spec(text: str) -> str:
    """The text with single blanks; raises SpecError for what is no MatchSpec of a named package."""
    refuse_credentials(text)
    if len(text) > _MAX_LENGTH or not text.isprintable():
        raise SpecError(
            f"`{excerpt(text)}` is no MatchSpec", hint=f"use at most {_MAX_LENGTH} printable characters"
        )
    spec = " ".join(text.split())
    if not _PLAIN.fullmatch(spec):
        _judge(spec)
    return spec


def refuse_credentials(text: str) -> None:
    """Raise SpecError where a URL in the text holds a login or a token, without showing it."""
    if _LOGIN.search(text):
        raise SpecError(
            "the URL holds credentials",
            hint="write it without them: credentials belong into netrc",
        )
    if _TOKEN.search(text):
        raise SpecError(
            "the URL holds a token",
            hint="name the channel in envbuild.yaml, `- channel: {name: corp, url: ..., username_env: ...,"
            " password_env: ...}`, and write its alias",
        )


def _judge(spec: str) -> None:
    """Ask who will solve it, lenient as conda itself is; it would drop what stands behind a `#`."""
    from rattler import MatchSpec

    reason = "a `#` begins a comment" if "#" in spec else ""
    try:
        build = str(MatchSpec(spec, strict=False).build or "")
        # Lenient, it takes what follows a blank for a build, whatever that is.
        if _OPERATOR.search(build):
            reason = f"`{escape(build)}` is no build, and a comma is missing before a version"
    except Exception as error:  # noqa: BLE001 (the library has a type of its own for each failure)
        reason = summarize(error)
    if reason:
        raise SpecError(
            f"`{excerpt(spec)}` is no MatchSpec: {reason}",
            hint="write one such as `numpy`, `numpy>=1.26,<2` or `conda-forge::numpy=1.26=py311*`",
        )
