"""The top layer of a Debian base: what maintainer scripts would have written, computed from the packages.

docs/debian-base.md lists it for users.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final

from envbuild.archive.deb import read_control, read_files
from envbuild.archive.debian_accounts import GROUP, PASSWD, account_files
from envbuild.archive.debian_certificates import certificate_files, is_certificate
from envbuild.archive.layer import EPOCH, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.maintainer_scripts import (
    Alternative,
    AlternativeLink,
    package_name,
    read_alternatives,
)
from envbuild.archive.merged_usr import merge_usr
from envbuild.archive.nodes import File, Folder, Link, Node, write_nodes
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later

_UTMP: Final = 43  # base-passwd's group.master
RECORDS: Final = "var/lib/dpkg/status.d"
_SHELLS: Final = "usr/share/debianutils/shells"
_COPIED: Final = {
    "usr/share/base-files/dot.bashrc": "root/.bashrc",
    "usr/share/base-files/dot.profile": "root/.profile",
    "usr/share/base-files/info.dir": "usr/share/info/dir",
    "usr/share/base-files/motd": "etc/motd",
    "usr/share/base-files/profile": "etc/profile",
    "usr/share/libc-bin/nsswitch.conf": "etc/nsswitch.conf",
}
_TEMPLATES: Final = frozenset((*_COPIED, PASSWD, GROUP, _SHELLS))
_SUM_LINE: Final = compile_later(r"^[0-9a-f]{32} [ *](?:\./)?(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Package:
    """A package as far as its control files tell; `paths` are its plain files, None where it lists none."""

    name: str
    control: Mapping[str, bytes]
    paths: frozenset[str] | None
    deb: BinaryIO

    @classmethod
    def read(cls, deb: BinaryIO) -> _Package:
        control = read_control(deb)
        name = package_name(control["control"])
        if not name:
            raise ArchiveError("a Debian package states no name")
        sums = control.get("md5sums")
        paths = _SUM_LINE.findall(sums.decode("utf-8", "replace")) if sums is not None else None
        return cls(name, control, None if paths is None else frozenset(map(merge_usr, paths)), deb)


def write_state_layer(debs: Sequence[BinaryIO], out: Sink, *, epoch: int = EPOCH) -> LayerInfo:
    """Write the state of a system on which these packages, and no others, are installed.

    The order of `debs` is irrelevant. Raises ArchiveError for a damaged package or two of one name.
    """
    return write_nodes(state_nodes(debs), out, epoch=epoch)


def state_nodes(debs: Iterable[BinaryIO], alternatives: Mapping[str, int] | None = None) -> tuple[Node, ...]:
    """The files, folders and links of that state.

    `alternatives` are priorities by name that a package's own must exceed. Raises ArchiveError.
    """
    packages = sorted(map(_Package.read, debs), key=lambda package: package.name)
    templates = _read_templates(packages)
    return (
        *account_files(templates),
        *certificate_files(templates),
        *_copied_files(templates),
        *_system_files({package.name for package in packages}),
        *_shell_list(templates),
        *_alternative_links(packages, alternatives or {}),
        *_package_records(packages),
    )


def _read_templates(packages: Iterable[_Package]) -> dict[str, bytes]:
    """The files to make others of; unpacks only the packages that say that they have one."""
    templates: dict[str, bytes] = {}
    for package in packages:
        if package.paths is None or any(map(_is_template, package.paths)):
            templates.update(read_files(package.deb, _is_template))
    return templates


def _is_template(path: str) -> bool:
    return path in _TEMPLATES or path.startswith(_SHELLS + ".d/") or is_certificate(path)


def _copied_files(templates: Mapping[str, bytes]) -> Iterator[Node]:
    """What packages copy into place unless an administrator's file is there."""
    for source, place in _COPIED.items():
        if source in templates:
            yield File(place, templates[source])


def _system_files(names: set[str]) -> Iterator[Node]:
    if "base-files" in names:
        yield Link("etc/dpkg/origins/default", "debian")
        yield Link("var/run", "/run")
        yield Link("var/lock", "/run/lock")
        yield Link("var/spool/mail", "../mail")
        yield File("var/log/btmp", b"", 0o660, _UTMP)
        yield File("var/log/lastlog", b"", 0o664, _UTMP)
        yield File("var/log/wtmp", b"", 0o664, _UTMP)
    if "tzdata" in names:
        yield Link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
        yield File("etc/timezone", b"Etc/UTC\n")


def _shell_list(templates: Mapping[str, bytes]) -> Iterator[Node]:
    """What debianutils' `update-shells` makes of the lists that shells bring."""
    if _SHELLS not in templates:
        return
    lines = templates[_SHELLS].decode("utf-8", "replace").splitlines()
    for path in sorted(path for path in templates if path.startswith(_SHELLS + ".d/")):
        for shell in templates[path].decode("utf-8", "replace").split():
            lines += [shell, f"/{merge_usr(shell.removeprefix('/'))}"]
    yield File("etc/shells", "".join(f"{line}\n" for line in dict.fromkeys(lines)).encode())


def _alternative_links(packages: Sequence[_Package], others: Mapping[str, int]) -> Iterator[Node]:
    """For each alternative the one of the highest priority; of equal ones, others' or the first package's."""
    best: dict[str, Alternative] = {}
    for package in packages:
        for each in read_alternatives(package.control):
            name = each.main.name
            if name in others and others[name] >= each.priority:
                continue
            if each.priority > best.setdefault(name, each).priority:
                best[name] = each
    if best:
        yield Folder("etc/alternatives")
    known = {path for package in packages for path in package.paths or ()}
    for each in best.values():
        yield from _two_links(each.main)
        for follower in each.followers:
            if _place(follower.path) in known:
                yield from _two_links(follower)


def _two_links(link: AlternativeLink) -> Iterator[Node]:
    yield Link(f"etc/alternatives/{link.name}", link.path)
    yield Link(_place(link.link), f"/etc/alternatives/{link.name}")


def _place(path: str) -> str:
    return merge_usr(path.removeprefix("/"))


def _package_records(packages: Sequence[_Package]) -> Iterator[Node]:
    """A record per package where scanners look for those of images without dpkg's own database."""
    yield Folder(RECORDS)
    for package in packages:
        yield File(f"{RECORDS}/{package.name}", package.control["control"])
        if "md5sums" in package.control:
            yield File(f"{RECORDS}/{package.name}.md5sums", package.control["md5sums"])
