"""What uv said when it failed, as an error for users: no path or address of this machine in it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from envbuild.core.errors import EnvbuildError, ResolveError, SourceError
from envbuild.core.pattern import compile_later
from envbuild.lock.conda_codec import CONDA
from envbuild.lock.model import PythonQuestion
from envbuild.lock.resolve.candidates import no_wheel_fits
from envbuild.lock.resolve.unknown_package import name_indexes, suggest_package

_LONGEST = 500  # characters of a line that is shown
_FITS_NOT = compile_later(r"([a-z0-9][a-z0-9._-]*)(?:[=<>!~][^ ]*)? (?:has|have) no wheels with a matching")
_NO_PYTHON = compile_later(r"\bpython was not found\b")
_UNKNOWN = compile_later(r"\b([a-z0-9][a-z0-9._-]*) was not found in the package registry")
_NO_WHEELS = compile_later(r"Wheels are required for `([^`]+)` because")
_TRANSPORT = compile_later(
    r"failed to fetch|error sending request|request failed|could not be queried|network connectivity|"
    r"status (?:server|client) error|\b40[13] (?:unauthorized|forbidden)|"
    r"dns error|connection refused|invalid certificate",
    re.IGNORECASE,
)
_URL = compile_later(r"\b(?:https?|file)://[^\s`)\"']+")
_LABEL = compile_later(r"^\s*(?:error|cause|hint):\s*")
# A server's own words (RFC 9457, and the reason after a status) may repeat the login it refused.
_SERVER_WORDS = compile_later(
    r"^.*?Server message:.*?(?=^\s*(?:error|cause|hint):|\Z)", re.DOTALL | re.MULTILINE
)
_REASON = compile_later(r"\((\d{3})\b.*\) for url")


def explain_failure(text: str, question: PythonQuestion, known: Mapping[str, str]) -> EnvbuildError:
    """The error for uv's words; `known` says what to show for addresses and paths."""
    said = _REASON.sub(r"\1 for url", _SERVER_WORDS.sub("", text))
    lines = [_clean(line, known) for line in said.splitlines() if line.strip()]
    causes = [line for line in lines if not line.startswith("No solution found")]
    if _TRANSPORT.search(text):
        return SourceError(
            f"{_name_indexes(question)} could not be asked:\n" + "\n".join(f"  {cause}" for cause in causes),
            hint="check the network, the index in envbuild.yaml, and its credentials in netrc",
        )
    if match := _FITS_NOT.search(text):
        error = no_wheel_fits(match[1], "", question.facts)
        return ResolveError(error.message, hint=error.hint, causes=causes)
    if match := _NO_WHEELS.search(text):
        return ResolveError(
            f"`{match[1]}` has only source archives, which are not built unless allowed",
            hint=f"allow it: `sdists: [{match[1]}]`, or list a wheel of it under `wheels`",
            causes=causes,
        )
    return ResolveError("the requirements have no solution", hint=_hint(text, question), causes=causes)


def _name_indexes(question: PythonQuestion) -> str:
    listed = name_indexes(question)
    return f"one of the indexes {listed}" if len(question.indexes) > 1 else f"the index {listed}"


def _show_address(url: str, known: Mapping[str, str]) -> str:
    """What to show for an address that nobody stated: the file, as no host gets into an error of a lock."""
    name = url.partition("?")[0].partition("#")[0].rpartition("/")[2]
    if url in known.values():
        return url
    return f"<address of {name}>" if name.endswith((".whl", ".metadata")) else "<address>"


def _hint(text: str, question: PythonQuestion) -> str:
    """What to do; a base's packages are named, because nothing in the target's files does."""
    words = set(re.findall(r"[a-z0-9][a-z0-9._-]*", text))
    named = {name: pin for name, pin in sorted(question.pins.items()) if name in words}
    if found := [f"`{name}` {pin.version}" for name, pin in named.items() if pin.kind == CONDA]:
        return f"conda brings {', '.join(found)}: ask conda for another version, or pip for this one"
    if pins := [f"`{name}` {pin.version}" for name, pin in named.items()]:
        return f"the base has {', '.join(pins)}: change the base, or ask for what it has"
    if _NO_PYTHON.search(text):
        return "no index has Python itself: conda or the base brings it, so ask there for another version"
    if match := _UNKNOWN.search(text):
        return suggest_package(match[1], question)
    return "relax one of the requirements above, or correct its name"


def _clean(line: str, known: Mapping[str, str]) -> str:
    for secret, shown in sorted(known.items(), key=lambda item: -len(item[0])):
        line = line.replace(secret, shown)
    line = _URL.sub(lambda match: _show_address(match[0], known), line)
    return _LABEL.sub("", line).strip()[:_LONGEST]
