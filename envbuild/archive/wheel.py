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
from envbuild.archive.zip_archive import LARGE, Member, ZipArchive
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
    archive, layout = ZipArchive(wheel), Layout(prefix, python)
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


def _write_file(writer: LayerWriter, archive: ZipArchive, path: str, file: Placed) -> None:
    content = file.content
    if isinstance(content, bytes):
        writer.file(path, content, mode=file.mode)
    elif content.memory > LARGE:
        _write_large(writer, archive, path, content, file.mode)
    elif content.carried and content.size >= CARRY_FROM:
        stream, crc = archive.read_raw(content), content.record.crc
        writer.deflated_file(path, stream, size=content.size, crc=crc, mode=file.mode)
    else:
        writer.file(path, archive.read(content), mode=file.mode, crc=content.record.crc)


def _write_large(writer: LayerWriter, archive: ZipArchive, path: str, member: Member, mode: int) -> None:
    """A file that is never whole in memory."""
    crc, size = member.record.crc, member.size
    if member.carried:
        writer.deflated_chunks(path, archive.raw_chunks(member), size=size, crc=crc, mode=mode)
    elif writer.copied_file(path, archive.open_raw(member), size, mode=mode) != crc:
        raise ArchiveError(f"`{member.name}` does not have the CRC stated for it")
