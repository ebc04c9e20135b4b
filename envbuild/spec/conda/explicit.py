"""Explicit files: `@EXPLICIT`, and a package's URL per line (`conda list --explicit`).

conda-lock adds the packages of pip as comments of a form of its own: `# pip name @ URL --hash=...`.
"""

from __future__ import annotations

from pathlib import Path

from envbuild.core.errors import EnvbuildError, Location, SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.spec.conda.package_url import is_package_url, read_package_url
from envbuild.spec.conda.parts import Parts
from envbuild.spec.problems import Problems

_MARK = "@EXPLICIT"
_PLATFORM = compile_later(r"#\s*platform:\s*([a-z0-9]+-[a-z0-9_]+)\s*\Z")
_PIP = compile_later(r"#\s*pip\s+(?=\S+\s+@\s)")


def is_explicit(text: str) -> bool:
    """Whether a file is one: it has the mark on a line of its own."""
    return any(line.strip() == _MARK for line in text.splitlines())


def read_explicit(text: str, shown: str, folder: Path, parts: Parts, problems: Problems) -> None:
    """Read a file's text into `parts`; what is wrong goes to `problems`, placed in the file as `shown`."""
    lines = [(Location(shown, number), line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    platform = _find_platform([line for _, line in lines])
    if platform:
        parts.add_platforms([platform])
    for place, line in lines:
        try:
            _read_line(line, platform, place, folder, parts)
        except EnvbuildError as error:
            problems.catch(error, place)


def _find_platform(lines: list[str]) -> str:
    """The platform that a file is for: as it says, else that of its first package that has one."""
    stated = (match[1] for match in map(_PLATFORM.match, lines) if match)
    urls = (line.partition("#")[0].rsplit("/", 2) for line in lines if not line.startswith("#"))
    folders = (parts[1] for parts in urls if len(parts) == 3 and parts[1] != "noarch")
    return next(stated, "") or next(folders, "")


def _read_line(line: str, platform: str, place: Location, folder: Path, parts: Parts) -> None:
    if match := _PIP.match(line):
        parts.add_pip(line[match.end() :], place, folder)
        return
    if not line or line.startswith("#") or line == _MARK:
        return
    if not is_package_url(line):
        raise SpecError(f"`{excerpt(line)}` is no conda package's URL", hint="remove the line")
    package = read_package_url(line)
    if package.platform not in ("", platform):
        raise SpecError(
            f"a package for `{package.platform}` in a file for `{platform}`",
            hint="write a file for each platform",
        )
    if platform:
        parts.add_exact(package, {platform})
    else:
        parts.add_dependency(line)
