"""What a build backend left in a step's layer, as a wheel: always the same one, or refused."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from envbuild.archive.layer import LayerWriter
from envbuild.archive.wheel import write_wheel_layer
from envbuild.core.errors import ArchiveError, BuildError
from envbuild.execute.builtin import Job
from envbuild.execute.wheels import take_wheel
from tests.makers.wheels import noise

INFO = "my_app-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: My.App\nVersion: 1.0.0\nRequires-Dist: dep>=1\n"
FILES = {
    f"{INFO}/METADATA": METADATA,
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n",
    f"{INFO}/RECORD": "",
    "my_app/__init__.py": "",
    "my_app/tool": "#!/bin/sh\n",
}
STATED = {
    "name": "my-app",
    "version": "1.0",
    "requires": ["dep>=1"],
    "extras": [],
    "platform": "linux/amd64",
    "libc": "glibc 2.36",
    "python": "3.11.2",
}


def make_layer(files: Mapping[str, str | bytes], *, epoch: int = 315532800, mode: int = 0o644) -> bytes:
    """The layer of a step, with more in it than the wheel."""
    out = io.BytesIO()
    writer = LayerWriter(out, epoch=epoch)
    writer.file(".build/left.txt", b"left", mode=0o600)
    writer.directory(".build/wheel/empty", mode=0o700)
    for path, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        writer.file(f".build/wheel/{path}", data, mode=0o755 if path.endswith("tool") else mode)
    writer.finish()
    return out.getvalue()


def take(folder: Path, layer: bytes, **stated: Any) -> bytes:
    path, out = folder / "layer", io.BytesIO()
    path.write_bytes(layer)
    take_wheel(Job({**STATED, **stated}, {"layer": path}, {"wheel": out}))  # type: ignore[dict-item]
    return out.getvalue()


def test_it_can_be_installed(tmp_path: Path) -> None:
    wheel = take(tmp_path, make_layer({**FILES, "my_app/big.so": noise(300_000)}))
    info = write_wheel_layer(
        io.BytesIO(wheel),
        io.BytesIO(),
        file_name="my_app-1.0-py3-none-any.whl",
        prefix="opt/env",
        python="3.11",
    )
    entries = {entry.path: entry for entry in info.entries}
    site = "opt/env/lib/python3.11/site-packages"
    assert entries[f"{site}/my_app/tool"].mode == 0o755
    assert (entries[f"{site}/my_app/big.so"].mode, entries[f"{site}/my_app/big.so"].size) == (0o644, 300_000)


def test_times_and_modes_of_the_build_do_not_matter(tmp_path: Path) -> None:
    one = take(tmp_path, make_layer(FILES))
    assert take(tmp_path, make_layer(FILES, epoch=1_700_000_000, mode=0o600)) == one


@pytest.mark.parametrize(
    ("change", "stated", "said"),
    [
        ({}, {"name": "other"}, "a wheel of `My.App 1.0.0`, not of the locked package"),
        ({}, {"version": "1.1"}, "a wheel of `My.App 1.0.0`, not of the locked package"),
        ({}, {"requires": []}, "does not require what its sdist states: `dep>=1`"),
        ({}, {"requires": ["dep>=1", "more"]}, "does not require what its sdist states: `more`"),
        ({}, {"python": "3.12.1"}, "the wheel is for `cp311-cp311-linux_x86_64`"),
        ({}, {"platform": "linux/arm64"}, "which does not fit the target `linux/arm64`"),
        ({f"{INFO}/WHEEL": "Wheel-Version: 1.0\n"}, {}, "the wheel is for nothing"),
        ({f"{INFO}/METADATA": ""}, {}, "a wheel of ` `"),
    ],
)
def test_what_is_not_as_stated(
    tmp_path: Path, change: Mapping[str, str], stated: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(BuildError) as caught:
        take(tmp_path, make_layer({**FILES, **change}), **stated)
    assert said in caught.value.message
    assert caught.value.hint


def test_a_marker_is_judged_for_the_target(tmp_path: Path) -> None:
    more = "Requires-Dist: win; sys_platform == 'win32'\nRequires-Dist: fast; extra == 'speed'\n"
    layer = make_layer({**FILES, f"{INFO}/METADATA": METADATA + more})
    take(tmp_path, layer)
    take(tmp_path, layer, requires=["dep>=1", 'fast; extra == "speed"'], extras=["speed"])


def test_no_wheel_at_all(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no wheel with METADATA and WHEEL"):
        take(tmp_path, make_layer({"my_app.py": ""}))


def test_a_link_in_a_wheel(tmp_path: Path) -> None:
    out = io.BytesIO()
    writer = LayerWriter(out)
    writer.symlink(".build/wheel/my_app.py", "/etc/passwd")
    writer.finish()
    with pytest.raises(ArchiveError, match="of the wheel is no file"):
        take(tmp_path, out.getvalue())
