"""The skeleton is a venv to Python itself."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

from envbuild.archive.listing import Entry, Kind
from envbuild.archive.venv import write_venv_layer

ASK = "import json, sys, sysconfig; print(json.dumps([sys.prefix, sysconfig.get_path('purelib')]))"


def test_the_interpreter_takes_the_prefix_for_its_own(tmp_path: Path) -> None:
    out = io.BytesIO()
    version = ".".join(map(str, sys.version_info[:3]))
    interpreter = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    write_venv_layer(out, prefix="opt/env", version=version, interpreter=str(interpreter))
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        archive.extractall(tmp_path, filter="fully_trusted")
    prefix = tmp_path / "opt/env"
    for name in ("python", "python3", interpreter.name):
        result = subprocess.run(
            [prefix / "bin" / name, "-c", ASK], check=True, capture_output=True, text=True
        )
        found = json.loads(result.stdout)
        assert found[0] == str(prefix)
        assert found[1] == str(prefix / "lib" / interpreter.name / "site-packages")
    assert (prefix / "lib64/python").parent.resolve() == (prefix / "lib").resolve()


def test_the_configuration_names_the_interpreters_folder() -> None:
    out = io.BytesIO()
    write_venv_layer(out, prefix="opt/env", version="3.11.2", interpreter="/usr/bin/python3.11")
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), mode="r:gz") as archive:
        file = archive.extractfile("opt/env/pyvenv.cfg")
        assert file is not None
        text = file.read().decode()
        links = {member.name: member.linkname for member in archive if member.issym()}
    assert text == "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n"
    assert links == {
        "opt/env/bin/python": "/usr/bin/python3.11",
        "opt/env/bin/python3": "python",
        "opt/env/bin/python3.11": "python",
        "opt/env/lib64": "lib",
    }


def test_without_an_interpreter_there_are_only_folders() -> None:
    info = write_venv_layer(io.BytesIO(), prefix="opt/env", version="3.11", interpreter="")
    assert info.entries == tuple(
        Entry(path, Kind.DIRECTORY, 0o755)
        for path in (
            "opt",
            "opt/env",
            "opt/env/bin",
            "opt/env/lib",
            "opt/env/lib/python3.11",
            "opt/env/lib/python3.11/site-packages",
        )
    )
