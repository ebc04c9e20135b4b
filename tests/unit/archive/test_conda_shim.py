"""The program that activates a conda environment, run by a real shell."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from envbuild.archive.conda_shim import shim_path, write_shim_layer

FOLDER = "etc/conda/activate.d"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A prefix with two scripts, whose folder has a blank in its name."""
    made = tmp_path / "my env"
    (made / FOLDER).mkdir(parents=True)
    (made / FOLDER / "a.sh").write_text('export SAID="a"\n')
    (made / FOLDER / "b.sh").write_text('export SAID="$SAID b $(basename "$CONDA_PREFIX")"\n')
    return made


def install(prefix: Path, *scripts: str) -> Path:
    """Unpack the layer where it belongs."""
    out = io.BytesIO()
    inside = prefix.as_posix().lstrip("/")
    write_shim_layer(out, prefix=inside, scripts=scripts)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as layer:
        (member,) = (each for each in layer.getmembers() if each.isfile())
        assert (member.name, member.mode) == (shim_path(inside), 0o755)
        source = layer.extractfile(member)
        assert source is not None
        path = Path("/", member.name)
        path.parent.mkdir(parents=True)
        path.write_bytes(source.read())
    path.chmod(0o755)
    return path


def start(shim: Path, prefix: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "CONDA_PREFIX": str(prefix)}
    return subprocess.run([str(shim), *argv], env=environment, capture_output=True, text=True, check=False)


def test_scripts_are_sourced_in_the_order_of_their_names(prefix: Path) -> None:
    shim = install(prefix, f"{FOLDER}/b.sh", f"{FOLDER}/a.sh")
    assert start(shim, prefix, "printenv", "SAID").stdout == "a b my env\n"


def test_the_program_takes_its_place(prefix: Path) -> None:
    """Its arguments stay words, and its exit code is that of the image."""
    shim = install(prefix, f"{FOLDER}/a.sh")
    ended = start(shim, prefix, "/bin/sh", "-c", 'printf "%s|" "$@"; exit 7', "x", "two words", "", "*")
    assert (ended.returncode, ended.stdout) == (7, "two words||*|")
