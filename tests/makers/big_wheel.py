"""A wheel of machine learning's size, made at once: it repeats itself farther back than deflate looks."""

from __future__ import annotations

import random
import zlib

from tests.makers.zips import RawMember, assemble_zip, deflated

_BLOCK = random.Random(0).randbytes(1 << 19).hex().encode()  # 1 MiB, of which deflate leaves a half


def big_wheel(name: str = "big") -> tuple[str, bytes]:
    """File name and bytes of a wheel of 200 MB that unpacks to 317 MB: files of all kinds and sizes."""
    info = f"{name}-1.0.dist-info"
    files = [
        _deflated(f"{name}/huge.bin", 200, level=1),
        _deflated(f"{name}/incompressible.bin", 31, level=0),  # and near the most that is taken at once
        _stored(f"{name}/stored_huge.bin", 40),
        _stored(f"{name}/stored.bin", 31),
    ]
    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "".join(f"{file.name.decode()},,\n" for file in files),
    }
    files += [deflated(f"{info}/{key}", text.encode()) for key, text in texts.items()]
    return f"{name}-1.0-py3-none-any.whl", assemble_zip(files)


def _deflated(name: str, blocks: int, *, level: int) -> RawMember:
    """A member of so many MiB, whose deflate stream repeats that of one."""
    packer = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    # A full flush ends at a byte and refers to nothing before it.
    piece = packer.compress(_BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    return RawMember(name.encode(), piece * blocks + packer.flush(), blocks << 20, _crc(blocks))


def _stored(name: str, blocks: int) -> RawMember:
    return RawMember(name.encode(), _BLOCK * blocks, blocks << 20, _crc(blocks), method=0)


def _crc(blocks: int) -> int:
    crc = 0
    for _ in range(blocks):
        crc = zlib.crc32(_BLOCK, crc)
    return crc
