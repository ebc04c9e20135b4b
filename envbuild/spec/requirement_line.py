"""One Python requirement: parsed, judged, and brought to a normal form.

The normal form is a PEP 508 text with a normalised name, sorted extras and sorted specifiers,
followed by its hashes as pip writes them: `six==1.16.0 --hash=sha256:<hex>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.project_name import normalise
from envbuild.core.text import escape, excerpt
from envbuild.spec.wheels import SDIST, parse_sdist_name, parse_wheel_name

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# Python reads numbers of up to 4,300 digits, and deep nesting needs text, too.
MAX_LENGTH = 4096

_HASH = compile_later(r"\s--hash[= ]\s*(\S+)")
_SHA256 = compile_later(r"sha256:[0-9a-f]{64}\Z")
_OPTION = compile_later(r"\s--?[a-z]")
_VCS = compile_later(r"(?:^|@\s*)(?:git|hg|svn|bzr)(?:\+|@)")
_URL = compile_later(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_GATE = compile_later(r'extra == "([^"]+)"')
_WORD = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_VERSION = r"\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?"
_CLAUSE = rf"(?:(?:==|!=)\d+(?:\.\d+)*\.\*|(?:==|!=|<=|>=|<|>){_VERSION}|~=\d+(?:\.\d+)+)"
_ZEROS = compile_later(r"(?<![0-9])0+(?=[0-9])|(?:\.0+)+(?=\Z|[abr])")
_PLAIN = compile_later(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
    rf"(?:\[(?P<extras>{_WORD}(?:,{_WORD})*)\])?"
    rf"(?P<versions>{_CLAUSE}(?:,{_CLAUSE})*)?"
    rf"(?:; extra == \"(?P<gate>{_WORD})\")?",
    re.ASCII,
)
_ARCHIVES = (".zip", ".tar.bz2", ".tgz", ".tar.xz")


@dataclass(frozen=True)
class Pinned:
    """A requirement in normal form, and the sha256 digests (hex) that its file may have; none = any.

    `name` and `extras` are normalised. `gate` is the extra that alone decides the marker, as in the
    edges of locks; "" for any other marker. Equal ones are shared: nothing in them may be changed.
    """

    text: str
    name: str = field(compare=False)
    extras: frozenset[str] = field(compare=False)
    gate: str = field(compare=False, default="")
    hashes: tuple[str, ...] = field(compare=False, default=())

    @cached_property
    def requirement(self) -> Requirement:
        """It as packaging reads it, which takes so long that it is done for who asks only."""
        return _parse_pep508(self.text.partition(" --hash=")[0])

    @property
    def has_marker(self) -> bool:
        """Whether it holds on some targets or for some extras only."""
        return "; " in self.text

    @property
    def has_url(self) -> bool:
        """Whether it names the URL of a wheel or an sdist."""
        return " @ " in self.text

    @property
    def sdist(self) -> str:
        """The URL of the sdist that it names, with its fragment; "" for none."""
        url = (self.requirement.url if self.has_url else None) or ""
        return url if _file_name(urlsplit(url)).endswith(SDIST) else ""

    def __str__(self) -> str:
        return self.text


def normal_form(requirement: Requirement) -> str:
    """The PEP 508 text that equal requirements share."""
    from packaging.utils import canonicalize_name

    extras = ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras))
    name = canonicalize_name(requirement.name) + (f"[{extras}]" if extras else "")
    versions = ",".join(sorted(str(each) for each in requirement.specifier))
    where = f" @ {requirement.url}" if requirement.url else versions
    # A space ends a URL (PEP 508), so the marker's semicolon must not follow it closely.
    gap = " " if requirement.url else ""
    return name + where + (f"{gap}; {requirement.marker}" if requirement.marker else "")


# A workspace's targets and their locks say the same again and again, and parsing is most of the
# time that it takes to check them.
@lru_cache(maxsize=1 << 14)
def parse_pinned(text: str) -> Pinned:
    """Read a requirement with its hashes, in the normal form or as pip takes it; raises SpecError."""
    return _read_plain(text) or _read_any(text)


def _read_plain(text: str) -> Pinned | None:
    """A requirement as nearly all of them are, read at once; None for any other."""
    match = _PLAIN.fullmatch(text)
    if match is None or len(text) > MAX_LENGTH:
        return None
    clauses = match["versions"].split(",") if match["versions"] else []
    # Of clauses that mean the same, packaging drops all but one: `>=1,>=1.0`.
    if len(set(map(_operator, clauses))) < len(clauses) != len({_ZEROS.sub("", each) for each in clauses}):
        return None
    name, gate = normalise(match["name"]), match["gate"] or ""
    extras = sorted(set(match["extras"].split(","))) if match["extras"] else []
    listed = f"[{','.join(extras)}]" if extras else ""
    marker = f'; extra == "{gate}"' if gate else ""
    return Pinned(f"{name}{listed}{','.join(sorted(clauses))}{marker}", name, frozenset(extras), gate)


def _operator(clause: str) -> str:
    return clause[: 2 if clause[1] == "=" else 1]


def _read_any(text: str) -> Pinned:
    refuse_unsupported(text)
    hashes = tuple(sorted({_sha256(each) for each in _HASH.findall(text)}))
    bare = _HASH.sub("", text).strip()
    if option := _OPTION.search(bare):
        raise SpecError(
            f"the option `{excerpt(bare[option.start() + 1 :].split()[0])}` is not supported",
            hint="remove it",
        )
    requirement = _parse_pep508(_with_name(bare))
    gate = _GATE.fullmatch(str(requirement.marker or ""))
    return Pinned(
        normal_form(requirement) + "".join(f" --hash=sha256:{each}" for each in hashes),
        normalise(requirement.name),
        frozenset(map(normalise, requirement.extras)),
        normalise(gate[1]) if gate else "",
        hashes,
    )


def refuse_unsupported(text: str) -> None:
    """Raise SpecError for what no lock can hold: version control, `file:`, variables."""
    if _VCS.search(text):
        raise SpecError(f"`{_shown(text)}` is a version control requirement", hint=_BUILD_IT)
    if "${" in text:
        raise SpecError(
            f"`{_shown(text)}` holds an environment variable",
            hint="write the value; credentials belong into netrc",
        )
    if "file:" in text.lower() and _URL.search(text):
        raise SpecError(f"`{_shown(text)}` is a `file:` URL", hint="write the path: `./wheels/x.whl`")


_BUILD_IT = "build a wheel of it, and name the wheel or its URL"


def read_pep508(text: str) -> Requirement:
    """A requirement as packaging reads it; raises ValueError, also for what only an attacker would write."""
    from packaging.requirements import Requirement

    if len(text) > MAX_LENGTH or not text.isprintable():
        raise ValueError(f"expected printable text of at most {MAX_LENGTH} characters")
    try:
        return Requirement(text)
    except RecursionError:
        raise ValueError("its marker is nested too deeply") from None


@lru_cache(maxsize=1 << 12)
def _parse_pep508(text: str) -> Requirement:
    try:
        requirement = read_pep508(text)
    except ValueError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise SpecError(
            f"`{_shown(text)}` is no requirement: {reason[:1].lower()}{_shown(reason[1:])}",
            hint="write it as in PEP 508: `name>=1.0`",
        ) from None
    if requirement.url:
        requirement.url = _checked_url(requirement)
    return requirement


def _checked_url(requirement: Requirement) -> str:
    """The URL of a wheel or an sdist, with no fragment but `sha256`; raises SpecError for any other."""
    url = requirement.url or ""
    parts = _split_url(url)
    file = _file_name(parts)
    if parts.username or parts.password:
        raise SpecError(
            f"the URL of `{requirement.name}` holds credentials",
            hint="remove them: credentials are read from netrc",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SpecError(
            f"`{_shown(url)}` is no `https:` URL", hint="use `https:`, or a path such as `./x.whl`"
        )
    found, kind = _project(url, file)
    if found != normalise(requirement.name):
        raise SpecError(
            f"`{requirement.name}` is given the URL of {kind} of `{found}`", hint=f"write `{found} @ ...`"
        )
    fragment = next((each for each in parts.fragment.split("&") if each.startswith("sha256=")), "")
    return urlunsplit(parts._replace(fragment=fragment))


def _project(url: str, file: str) -> tuple[str, str]:
    """The project of which a URL's file is, and what kind of file; raises SpecError for any other kind."""
    if file.endswith(".whl"):
        return parse_wheel_name(file)[0], "a wheel"
    if file.endswith(SDIST):
        return parse_sdist_name(file)[0], "an sdist"
    kind = "a source archive, but no sdist" if file.endswith(_ARCHIVES) else "no wheel"
    raise SpecError(f"`{_shown(url)}` is {kind}", hint=_BUILD_IT)


def _file_name(url: SplitResult) -> str:
    return unquote(url.path.rpartition("/")[2])


def _split_url(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise SpecError(f"`{_shown(url)}` is a malformed URL", hint="write `https://host/path`") from None


def _with_name(text: str) -> str:
    """A bare URL of a file with its project's name in front, as PEP 508 wants it."""
    if not _URL.match(text):
        return text
    url, _, marker = text.partition(" ;")
    name, _ = _project(url, _file_name(_split_url(url)))
    return f"{name} @ {url}" + (f" ;{marker}" if marker else "")


def _sha256(text: str) -> str:
    if not _SHA256.match(text):
        raise SpecError(f"`--hash={excerpt(text)}` is no sha256", hint="use `--hash=sha256:<64 hex digits>`")
    return text.removeprefix("sha256:")


def _shown(text: str) -> str:
    """The text for an error: no userinfo of URLs, one line, not endless."""
    return escape(re.sub(r"//[^/@\s]*@", "//", text).strip()[:200])
