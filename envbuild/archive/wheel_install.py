"""Where each file of a wheel goes and what is generated beside them, as pip does it (PEP 427)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final, NamedTuple

from envbuild.archive.wheel_info import WheelInfo
from envbuild.archive.wheel_layout import Layout
from envbuild.archive.wheel_record import check_record, parse_record, rewrite_record
from envbuild.archive.wheel_scripts import SHEBANG, fix_shebang, generate_scripts
from envbuild.archive.zip_archive import LARGE, Member, ZipArchive
from envbuild.core.errors import ArchiveError

INSTALLER: Final = b"envbuild\n"


class Placed(NamedTuple):
    """A file of the installation: a member of the wheel as it is, or other contents."""

    content: Member | bytes
    executable: bool

    @property
    def mode(self) -> int:
        """The mode that pip gives it under the usual umask."""
        return 0o755 if self.executable else 0o644


class _Move(NamedTuple):
    """A member, where it goes, and whether a `#!python` in it is to be mended."""

    member: Member
    path: str
    script: bool = False


def plan_installation(wheel: ZipArchive, info: WheelInfo, layout: Layout) -> dict[str, Placed]:
    """The files of the installation by path below the root; raises ArchiveError.

    Where two go to one path, the later is taken: first those from the root of the wheel, then from
    its `.data`, then the scripts in there, then what is generated.
    """
    moves = [(move, _place(wheel, layout, move)) for move in _moves(wheel, info, layout)]
    generated = dict(_generate(info, layout))
    record = _rewrite_record(info, layout, moves, generated)
    return {
        **{layout.resolve(move.path): file for move, file in moves},
        **{path: Placed(data, executable) for path, (data, executable) in generated.items()},
        f"{layout.site_packages}/{info.folder}/RECORD": Placed(record, executable=False),
    }


def _moves(wheel: ZipArchive, info: WheelInfo, layout: Layout) -> Iterator[_Move]:
    """The members that are installed, in pip's order."""
    data: list[_Move] = []
    scripts: list[_Move] = []
    modules = layout.site_packages
    for name, member in wheel.members.items():
        if ".data/" not in name or not name.partition("/")[0].endswith(".data"):
            yield _Move(member, f"{modules}/{name}")
            continue
        key, path = _split_data_path(name)
        folder = layout.scheme_folder(key, info.distribution)
        if folder is None:
            raise ArchiveError(
                f"`{name}` lies in a scheme that wheels do not have", hint="ask the wheel's author"
            )
        if key != "scripts":
            data.append(_Move(member, f"{folder}/{path}"))
        elif not info.entry_points.wraps(posixpath.basename(path)):
            scripts.append(_Move(member, f"{folder}/{path}", script=True))
    yield from data
    yield from scripts


def _split_data_path(name: str) -> tuple[str, str]:
    _, key, path = [*name.split("/", 2), "", ""][:3]
    if not path:
        raise ArchiveError(f"`{name}` lies in no scheme's folder of the wheel's `.data`")
    return key, path


def _place(wheel: ZipArchive, layout: Layout, move: _Move) -> Placed:
    executable = move.member.executable
    if move.script and wheel.starts_with(move.member, SHEBANG):
        if move.member.memory > LARGE:
            raise ArchiveError(f"`{move.member.name}` is a script of more than {LARGE} bytes")
        return Placed(fix_shebang(wheel.read(move.member), layout.interpreter), executable)
    return Placed(move.member, executable)


def _generate(info: WheelInfo, layout: Layout) -> Iterator[tuple[str, tuple[bytes, bool]]]:
    """Paths of what no wheel holds, with contents and whether they may be executed."""
    for name, script in generate_scripts(info.entry_points, layout.interpreter, layout.python):
        yield f"{layout.scripts}/{name}", (script, True)
    yield f"{layout.site_packages}/{info.folder}/INSTALLER", (INSTALLER, False)


def _rewrite_record(
    info: WheelInfo,
    layout: Layout,
    moves: list[tuple[_Move, Placed]],
    generated: dict[str, tuple[bytes, bool]],
) -> bytes:
    row = layout.record_path
    rows = parse_record(info.record)
    check_record(rows, {move.member.name: move.member.size for move, _ in moves})
    return rewrite_record(
        rows,
        installed={move.member.name: row(move.path) for move, _ in moves},
        changed={row(move.path): f.content for move, f in moves if isinstance(f.content, bytes)},
        generated={row(path): data for path, (data, _) in generated.items()},
    )
