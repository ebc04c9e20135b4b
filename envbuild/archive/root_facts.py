"""What a root file system offers to those that build on it, read from its files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from envbuild.archive.apt_suites import is_of_apt
from envbuild.archive.root_scan import RootScan
from envbuild.core.pattern import compile_later

_USERS: Final = "etc/passwd"
_GROUPS: Final = "etc/group"
_RELEASE: Final = ("etc/os-release", "usr/lib/os-release")  # the one may be a link to the other
_ALTERNATIVES: Final = "var/lib/dpkg/alternatives"
STATUS: Final = "var/lib/dpkg/status"
STATUS_FOLDER: Final = "var/lib/dpkg/status.d"

_PYTHON: Final = compile_later(r"(?:usr/local/bin|usr/bin|opt/[^/]+/bin)/python(3\.\d+)\Z")
_LIBPYTHON: Final = compile_later(r"(?:.*/)?libpython(3\.\d+)\.so[0-9.]*\Z")
_PATCHLEVEL: Final = compile_later(r"(?:.*/)?include/python(3\.\d+)/patchlevel\.h\Z")
_LIBC: Final = compile_later(r"(?:usr/)?lib(?:64)?/(?:[^/]+/)?(?:libc\.so\.6|libc-[0-9.]+\.so)\Z")
_MUSL: Final = compile_later(r"(?:usr/)?lib/ld-musl-[^/]+\.so\.1\Z")
_SUITE: Final = compile_later(rb"""^VERSION_CODENAME=["']?([a-z][a-z0-9-]{0,40})["']?[ \t]*$""", re.MULTILINE)
_PRIORITY: Final = compile_later(r"-?[0-9]{1,9}\Z")
_CHOSEN: Final = (1 << 31) - 1  # higher than any priority: somebody chose it, and nothing takes its place
_GLIBC_VERSION: Final = compile_later(rb"GNU C Library [^\n]{0,200}?version (\d+\.\d+)")
_MUSL_VERSION: Final = compile_later(rb"\0(1\.\d+)\.\d+\0")


def is_telling(path: str) -> bool:
    """Whether a file's contents are needed to tell the facts."""
    return (
        path in (_USERS, _GROUPS, STATUS, *_RELEASE)
        or path.startswith((STATUS_FOLDER + "/", _ALTERNATIVES + "/"))
        or is_of_apt(path)
        or any(each.match(path) for each in (_PYTHON, _LIBPYTHON, _PATCHLEVEL, _LIBC, _MUSL))
    )


def find_facts(root: RootScan) -> dict[str, str]:
    """What children rely on.

    `libc`; `python` with its `interpreter`: the one that `python3` means, else the newest; `interpreters`
    besides that, as "path=version"; `suite`, the code name of the distribution (os-release(5)).
    """
    return {**_find_libc(root), **_find_python(root), **_find_suite(root)}


def find_status(root: RootScan) -> dict[str, str]:
    """Which layer has dpkg's status, where dpkg is there to read it."""
    node = root.nodes.get(STATUS)
    has_dpkg = any(package.startswith("dpkg ") for package in find_packages(root))
    return {"dpkg": str(node.layer)} if node is not None and node.is_file and has_dpkg else {}


def find_users(root: RootScan) -> Mapping[str, str]:
    """By name, "uid:gid" (passwd(5))."""
    rows = _rows(root.read(_USERS), 4)
    return {row[0]: f"{row[2]}:{row[3]}" for row in rows if _is_number(row[2]) and _is_number(row[3])}


def find_groups(root: RootScan) -> Mapping[str, str]:
    """By name, "gid" (group(5))."""
    return {row[0]: row[2] for row in _rows(root.read(_GROUPS), 3) if _is_number(row[2])}


def find_packages(root: RootScan) -> tuple[str, ...]:
    """The installed Debian packages, "name version architecture", sorted (dpkg's status, or status.d)."""
    names = (name for name in root.names(STATUS_FOLDER) if not name.endswith(".md5sums"))
    texts = [root.read(STATUS), *(root.read(f"{STATUS_FOLDER}/{name}") for name in names)]
    found = {package for text in texts for package in _read_status(text.decode(errors="replace"))}
    return tuple(sorted(found))


def find_alternatives(root: RootScan) -> Mapping[str, int]:
    """The priority of what each alternative leads to, by its name (update-alternatives(1))."""
    found: dict[str, int] = {}
    for name in root.names(_ALTERNATIVES):
        priorities = _read_priorities(root.read(f"{_ALTERNATIVES}/{name}").decode(errors="replace"))
        if priorities and name.isprintable():
            found[name] = max(priorities)
    return found


def _read_priorities(text: str) -> list[int]:
    """Of what is offered for an alternative: a path, its priority, and a line for each link that follows."""
    head, _, rest = text.partition("\n\n")
    mode, *links = head.split("\n")
    if mode == "manual":
        return [_CHOSEN]
    lines = rest.split("\n")[1 :: 2 + (len(links) - 1) // 2]
    return [int(line) for line in lines if _PRIORITY.match(line)]


def _find_suite(root: RootScan) -> dict[str, str]:
    release = next(filter(None, map(root.read, _RELEASE)), b"")
    match = _SUITE.search(release)
    return {"suite": match[1].decode()} if match else {}


def _read_status(text: str) -> Iterator[str]:
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"[A-Z][\w-]*: ", line))
        installed = fields.get("Status", "install ok installed").endswith(" installed")
        if installed and "Package" in fields and "Version" in fields:
            yield f"{fields['Package']} {fields['Version']} {fields.get('Architecture', 'all')}"


def _find_libc(root: RootScan) -> dict[str, str]:
    for family, name, version in (("glibc", _LIBC, _GLIBC_VERSION), ("musl", _MUSL, _MUSL_VERSION)):
        for path in sorted(path for path in root.nodes if name.match(path)):
            if match := version.search(root.read(path)):
                return {"libc": f"{family} {match[1].decode()}"}
    return {}


def find_interpreters(root: RootScan) -> dict[str, str]:
    """The full version of each Python, by its absolute path."""
    versions = {f"/{path}": _python_version(root, path, minor) for path, minor in _pythons(root).items()}
    return {path: version for path, version in sorted(versions.items()) if version}


def _find_python(root: RootScan) -> dict[str, str]:
    known = _pythons(root)
    if not known:
        return {}
    path = _preferred(root, known)
    version = _python_version(root, path, known[path])
    others = [
        f"{other}={each}"
        for other, each in find_interpreters(root).items()
        if root.resolve(other) != path and " " not in other and "=" not in other
    ]
    more = {"interpreters": " ".join(others)} if others else {}
    return {"python": version, "interpreter": f"/{path}", **more} if version else {}


def _pythons(root: RootScan) -> dict[str, str]:
    """The minor version of each Python, by its path, which may be a link to another one."""
    return {path: match[1] for path in root.nodes if (match := _PYTHON.match(path)) and root.exists(path)}


def _preferred(root: RootScan, known: Mapping[str, str]) -> str:
    """The interpreter that a search for `python3` finds, else the newest."""
    for folder in ("usr/local/bin", "usr/bin"):
        real = root.resolve(f"{folder}/python3")
        if real in known:
            return real
    return max(sorted(known), key=lambda path: int(known[path].partition(".")[2]))


def _python_version(root: RootScan, path: str, minor: str) -> str:
    """The full version, from the headers, or as text in the interpreter or its library."""
    texts = (root.read(each) for each in _sources(root, path, minor))
    full = re.escape(minor).encode() + rb"\.\d+(?:(?:a|b|rc)\d+)?"
    pattern = re.compile(rb"(?:PY_VERSION\s+\"|\0)(" + full + rb")\+?[\"\0 ]")
    return next((match[1].decode() for text in texts if (match := pattern.search(text))), "")


def _sources(root: RootScan, path: str, minor: str) -> Iterator[str]:
    yield from _matching(root, _PATCHLEVEL, minor)
    yield path
    yield from _matching(root, _LIBPYTHON, minor)


def _matching(root: RootScan, pattern: re.Pattern[str], minor: str) -> Iterator[str]:
    yield from sorted(path for path in root.nodes if (match := pattern.match(path)) and match[1] == minor)


def _is_number(text: str) -> bool:
    """Whether it is a user's or group's number."""
    return re.fullmatch("[0-9]{1,10}", text) is not None


def _rows(data: bytes, least: int) -> Iterator[list[str]]:
    for line in data.decode(errors="replace").splitlines():
        row = line.split(":")
        if len(row) >= least and row[0] and row[0].isprintable():
            yield row
