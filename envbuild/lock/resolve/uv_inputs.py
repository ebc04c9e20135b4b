"""A Python question as the files that `uv pip compile` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import ResolveError
from envbuild.core.platform import Facts
from envbuild.lock.markers import GET_PYTHON, full_version
from envbuild.lock.model import Index, PythonQuestion
from envbuild.lock.resolve.given_sdists import GivenSdists
from envbuild.lock.resolve.sdists import Sdists
from envbuild.lock.resolve.stand_in import StandIns
from envbuild.sources.index import PackageIndexes
from envbuild.sources.index_switch import open_switch
from envbuild.sources.url import Login, split_login
from envbuild.spec.requirement_line import normal_form
from envbuild.spec.wheels import LocalWheel

# The glibc versions that uv has targets for; between two of them, the lower one is asked.
_GLIBC_MINORS = (17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40)


@dataclass(frozen=True, slots=True)
class OpenIndexes:
    """The addresses to ask, in order of priority, and where each package turned out to be."""

    urls: tuple[str, ...]
    served: Mapping[str, str] = field(default_factory=dict)
    only: str = ""  # the alias that serves all packages, where there is one index
    logins: Mapping[str, str] = field(default_factory=dict, repr=False)  # as variables that uv reads
    shown: Mapping[str, str] = field(default_factory=dict)  # what to show for an address

    def alias(self, project: str) -> str:
        """The index that a package came from."""
        return self.only or self.served[project]


@contextmanager
def open_indexes(indexes: Sequence[Index], known: PackageIndexes, sdists: Sdists) -> Iterator[OpenIndexes]:
    """Addresses that serve what the question's indexes may serve.

    A single index is asked directly, unless it has packages that may be built from source.
    """
    shown = {split_login(known.url(each.alias))[0]: f"the index `{each.alias}`" for each in indexes}
    if len(indexes) == 1 and not (indexes[0].packages or sdists.question.sdists):
        (index,) = indexes
        url, login = split_login(known.url(index.alias))
        yield OpenIndexes((url,), only=index.alias, shown=shown, logins=_variables(login))
        return
    pinned = {package: each.alias for each in indexes for package in each.packages}
    general = {each.alias for each in indexes if not each.packages}

    def allowed(alias: str, project: str) -> bool:
        return pinned.get(project, alias) == alias and (alias in general or project in pinned)

    urls = {each.alias: known.url(each.alias) for each in indexes}
    with open_switch(urls, allowed, sdists.give) as switch:
        shown |= {url.rstrip("/"): f"the index `{alias}`" for alias, url in switch.urls.items()}
        yield OpenIndexes(
            tuple(switch.urls[each.alias] for each in indexes), served=switch.served, shown=shown
        )


def write_inputs(
    work: Path,
    question: PythonQuestion,
    wheels: Mapping[str, LocalWheel],
    stand_ins: StandIns,
    given: GivenSdists,
    urls: Sequence[str],
) -> None:
    """Write requirements, constraints, indexes and preferences into the folder `work`."""
    paths = {**{name: Path(wheel.path) for name, wheel in wheels.items()}, **given.places}
    local = [f"{name} @ {paths[name].as_uri()}" for name in wheels]
    pins = [f"{name} @ {path.as_uri()}" for name, path in stand_ins.items() if name not in wheels]
    (work / "uv.toml").write_text(_configuration(urls), encoding="utf-8")
    _write_lines(work / "requirements.in", [*_plain(question.requirements, given), *local])
    _write_lines(work / "constraints.in", [*_plain(question.constraints, given), *pins])
    if preferences := _preferences(question):
        (work / "pylock.toml").write_text(preferences, encoding="utf-8")


def target_name(facts: Facts) -> str:
    """The uv target that is next below these facts; raises ResolveError where there is none."""
    libc, machine = facts.libc, facts.platform.machine
    if libc is None:
        raise ResolveError("the target's C library is not known", hint="state it: `libc: glibc 2.36`")
    if libc.family == "musl":
        return f"{machine}-unknown-linux-musl"
    minors = [minor for minor in _GLIBC_MINORS if (2, minor) <= libc.version]
    if not minors:
        raise ResolveError(f"no resolver knows {libc}", hint="use a base with glibc 2.17 or later")
    return f"{machine}-manylinux_2_{minors[-1]}"


def python_version(facts: Facts) -> str:
    """The target's Python with its patch number; raises ResolveError."""
    if facts.python is None:
        raise ResolveError("the target has no Python", hint=GET_PYTHON)
    return full_version(facts.python.version)


def _plain(requirements: Sequence[str], given: GivenSdists) -> Iterator[str]:
    """Requirements without their hashes, which concern the choice of a file, not of a version."""
    for requirement, name in given.restate(requirements):
        requirement.url = given.places[name].as_uri() if name else requirement.url
        yield normal_form(requirement)


def _configuration(urls: Sequence[str]) -> str:
    # The last one replaces uv's built-in index, which comes after all others.
    tables = [
        f'[[index]]\nname = "i{number}"\nurl = {_quoted(url)}\n'
        + ("default = true\n" if url == urls[-1] else "")
        for number, url in enumerate(urls)
    ]
    return "\n".join(tables) or "no-index = true\n"


def _preferences(question: PythonQuestion) -> str:
    """The lock so far in the form of PEP 751: uv keeps these versions where it may; "" = none."""
    if question.upgrade is None:
        return ""
    kept = [each for name, each in sorted(question.preferences.items()) if name not in question.upgrade]
    tables = [
        f"[[packages]]\nname = {_quoted(each.name)}\nversion = {_quoted(each.version)}\n" for each in kept
    ]
    return "\n".join(['lock-version = "1.0"\ncreated-by = "envbuild"\n', *tables]) if tables else ""


def _variables(login: Login | None) -> dict[str, str]:
    """The login of the first index, where neither a command line nor a killed run's folder shows it."""
    return {"UV_INDEX_I0_USERNAME": login[0], "UV_INDEX_I0_PASSWORD": login[1]} if login else {}


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's are a subset."""
    return json.dumps(text)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
