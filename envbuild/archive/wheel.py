"""Wheels as layers: what `pip install` would put below a prefix, computed and never installed.

The differences from pip are listed in docs/wheel-layers.md.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from envbuild.archive.layer import EPOCH, LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import folders_above
from envbuild.archive.wheel_info import read_info
from envbuild.archive.wheel_install import Placed, plan_installation
from envbuild.archive.wheel_layout import Layout
from envbuild.archive.wheel_zip import LARGE, Member, WheelZip
from envbuild.core.errors import ArchiveError

# Readers pay for each member of a layer and writers for each byte compressed anew: the choice is measured in
# docs/performance.md.
CARRY_FROM: Final = 32 << 10


def write_wheel_layer(
    wheel: BinaryIO, out: Sink, *, file_name: str, prefix: str, python: str, epoch: int = EPOCH
) -> LayerInfo:
    """Write a wheel's layer for `prefix` ("opt/env") and the minor version of `python` ("3.11").

    `wheel` is a seekable file. Raises ArchiveError; what `out` holds must be dropped then.

    The layer names every folder above its files, as folders of root with mode 0755.
    """
    archive, layout = WheelZip(wheel), Layout(prefix, python)
    files = plan_installation(archive, read_info(archive, file_name), layout)
    folders = folders_above(files)
    clash = min(folders & files.keys(), default="")
    if clash:
        raise ArchiveError(f"`{clash}` is a file and a folder of the wheel")
    writer = LayerWriter(out, epoch=epoch)
    for path in sorted(folders | files.keys()):
        if path in folders:
            writer.directory(path)
        else:
            _write_file(writer, archive, path, files[path])
    return writer.finish()


def _write_file(writer: LayerWriter, archive: WheelZip, path: str, file: Placed) -> None:
    content = file.content
    if isinstance(content, bytes):
        writer.file(path, content, mode=file.mode)
    elif content.carried and (content.size >= CARRY_FROM or content.memory > LARGE):
        _carry(writer, archive, path, content, file.mode)
    elif content.memory <= LARGE:
        writer.file(path, archive.read(content), mode=file.mode)
    elif (
        writer.copied_file(path, archive.open_raw(content), content.size, mode=file.mode)
        != content.record.crc
    ):
        raise ArchiveError(f"`{content.name}` does not have the CRC stated for it")


def _carry(writer: LayerWriter, archive: WheelZip, path: str, member: Member, mode: int) -> None:
    crc = member.record.crc
    if member.memory <= LARGE:
        writer.deflated_file(path, archive.read_raw(member), size=member.size, crc=crc, mode=mode)
    else:
        writer.deflated_chunks(path, archive.raw_chunks(member), size=member.size, crc=crc, mode=mode)
