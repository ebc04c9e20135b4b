"""Images of another architecture than this machine's: right files only, and they run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Built
from tests.makers.examples import ARM64, BASE, BOOST
from tests.makers.servers import require_programs
from tests.makers.stored import StoredImage

pytestmark = pytest.mark.network

# e_machine of the ELF header.
MACHINES = {"linux/amd64": 62, "linux/arm64": 183}
EMULATORS = {"linux/amd64": "qemu-x86_64-static", "linux/arm64": "qemu-aarch64-static"}
NAMES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


@pytest.mark.parametrize("platform_name", MACHINES)
@pytest.mark.parametrize("label", [BASE, ARM64])
def test_programs_are_of_the_architecture(built: Built, label: str, platform_name: str) -> None:
    heads = built.image(label).heads(platform_name)
    programs = {path: head for path, head in heads if head.startswith(b"\x7fELF")}
    assert len(programs) > 100
    found = {int.from_bytes(head[18:20], "little") for head in programs.values()}
    assert found == {MACHINES[platform_name]}


def test_platforms_share_what_is_the_same(built: Built) -> None:
    amd64, arm64 = built.targets[ARM64]["platforms"]
    shared = {layer["digest"] for layer in amd64["layers"]} & {layer["digest"] for layer in arm64["layers"]}
    assert 0 < len(shared) < len(arm64["layers"])


# LightGBM loads Debian's libgomp1, which neither its wheel nor the base has.
@pytest.mark.services
@pytest.mark.parametrize("platform_name", MACHINES)
def test_a_wheel_finds_a_library_of_debian(built: Built, tmp_path: Path, platform_name: str) -> None:
    emulator = EMULATORS[platform_name]
    require_programs(emulator, root=True)
    image = built.image(BOOST)
    root = image.unpack(platform_name, tmp_path / "root")
    assert run(image, platform_name, root, emulator) == "from 11 to 89\n"
    (library,) = root.glob("usr/lib/*/libgomp.so.1")
    library.unlink()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(image, platform_name, root, emulator)
    assert "libgomp.so.1: cannot open shared object file" in caught.value.stderr


@pytest.mark.services
@pytest.mark.parametrize("platform_name", MACHINES)
def test_image_runs(built: Built, tmp_path: Path, platform_name: str) -> None:
    emulator = EMULATORS[platform_name]
    require_programs(emulator, root=True)
    image = built.image(ARM64)
    root = image.unpack(platform_name, tmp_path / "root")
    assert run(image, platform_name, root, emulator) == f"{NAMES[platform_name]} 3.0\n"


def run(image: StoredImage, platform_name: str, root: Path, emulator: str) -> str:
    """What the image's entrypoint prints; emulated also where the processor could do without."""
    config = image.config(platform_name)["config"]
    environment = dict(variable.split("=", 1) for variable in config["Env"])
    program, *arguments = config["Entrypoint"]
    found = find_program(root, program, environment["PATH"])
    shutil.copy(shutil.which(emulator) or emulator, root / "emulator")
    command = ["chroot", str(root), "/emulator", found, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def find_program(root: Path, program: str, search: str) -> str:
    """The path inside of `root` of a program that is found as the image's PATH says."""
    for folder in search.split(":"):
        if os.path.lexists(f"{root}{folder}/{program}"):
            return f"{folder}/{program}"
    pytest.fail(f"{program} is nowhere in {search}")
