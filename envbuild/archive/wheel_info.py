"""What a wheel's `.dist-info` folder says about installing it (PEP 427)."""

from __future__ import annotations

from typing import Final

from envbuild.archive.wheel_scripts import EntryPoints, parse_entry_points
from envbuild.archive.zip_archive import ZipArchive
from envbuild.core.dataclass import dataclass
from envbuild.core.errors import ArchiveError
from envbuild.core.pattern import compile_later
from envbuild.core.project_name import normalise

MAX_METADATA: Final = 1 << 20  # of `WHEEL` and `entry_points.txt`
MAX_RECORD: Final = 16 << 20
_SUFFIX: Final = ".dist-info"
# Name, version, maybe a build number, and three tags (PEP 427, "File name convention").
_FILE_NAME: Final = compile_later(r"([\w.]+)-[^-]+(?:-[0-9][^-]*)?-[^-]+-[^-]+-[^-]+\.whl")
_VERSION_1: Final = "Wheel-Version: 1."  # what follows makes no other major version of it


@dataclass(frozen=True, slots=True)
class WheelInfo:
    """The name of the folder, the distribution's normalised name, entry points and RECORD's text."""

    folder: str
    distribution: str
    entry_points: EntryPoints
    record: str


def read_info(wheel: ZipArchive, file_name: str) -> WheelInfo:
    """Read the `.dist-info` folder; raises ArchiveError where it is not that of a wheel 1.x of this name."""
    folder, distribution = _find_folder(wheel), _parse_name(file_name)
    if normalise(folder.removesuffix(_SUFFIX).rpartition("-")[0]) != distribution:
        raise ArchiveError(f"`{file_name}` holds `{folder}`, which is of another distribution")
    if f"{folder}/METADATA" not in wheel.members:
        raise ArchiveError(f"the wheel has no `{folder}/METADATA`")
    _check_version(_read_text(wheel, f"{folder}/WHEEL", MAX_METADATA))
    points = f"{folder}/entry_points.txt"
    return WheelInfo(
        folder,
        distribution,
        parse_entry_points(_read_text(wheel, points, MAX_METADATA) if points in wheel.members else ""),
        _read_text(wheel, f"{folder}/RECORD", MAX_RECORD),
    )


def _parse_name(file_name: str) -> str:
    """The distribution of a wheel's name, whose other parts have been read where the wheel was chosen."""
    match = _FILE_NAME.fullmatch(file_name)
    if match is None:
        raise ArchiveError(f"`{file_name}` is not the name of a wheel")
    return normalise(match[1])


def _find_folder(wheel: ZipArchive) -> str:
    folders = {name.partition("/")[0] for name in wheel.members if "/" in name}
    found = sorted(folder for folder in folders if folder.endswith(_SUFFIX))
    if len(found) != 1:
        names = ", ".join(f"`{name}`" for name in found) or "none"
        raise ArchiveError(f"a wheel holds one `.dist-info` folder, and this one holds {names}")
    return found[0]


def _check_version(text: str) -> None:
    """Refuse another major version, as PEP 427 asks of installers."""
    if text.startswith(_VERSION_1):  # as of nearly all: to import who reads mails takes 15 ms
        return
    from email.parser import HeaderParser

    # Only the headers: what looks like parts of a mail behind them may nest without end.
    version = str(HeaderParser().parsestr(text).get("Wheel-Version", "")).strip()
    if version.partition(".")[0] != "1":
        raise ArchiveError(
            f"the wheel is of version `{version}`, and only version 1 is understood", hint="upgrade envbuild"
        )


def _read_text(wheel: ZipArchive, name: str, limit: int) -> str:
    member = wheel.members.get(name)
    if member is None:
        raise ArchiveError(f"the wheel has no `{name}`")
    if member.memory > limit:
        raise ArchiveError(f"`{name}` is larger than {limit} bytes")
    try:
        return wheel.read(member).decode()
    except UnicodeDecodeError:
        raise ArchiveError(f"`{name}` is not UTF-8") from None
