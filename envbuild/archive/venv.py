"""The skeleton of an environment: a venv over an interpreter that the base brings (PEP 405)."""

from __future__ import annotations

from envbuild.archive.layer import EPOCH, LayerWriter, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import folders_above
from envbuild.archive.wheel_layout import Layout
from envbuild.core.platform import Interpreter


def write_venv_layer(
    out: Sink, *, prefix: str, version: str, interpreter: str, epoch: int = EPOCH
) -> LayerInfo:
    """Write the folders of an environment below `prefix`, and what makes them a venv of `interpreter`.

    `version` is full ("3.11.2"), `interpreter` an absolute path. Where that is "" there are only the
    folders: such an image is copied from, not run.
    """
    python = Interpreter(version, interpreter)
    layout = Layout(prefix, python.minor)
    writer = LayerWriter(out, epoch=epoch)
    for folder in sorted(folders_above([f"{layout.scripts}/python", f"{layout.site_packages}/x"])):
        writer.directory(folder)
    if python.path:
        _link_interpreter(writer, layout, python)
    return writer.finish()


def _link_interpreter(writer: LayerWriter, layout: Layout, python: Interpreter) -> None:
    writer.symlink(f"{layout.scripts}/python", python.path)
    for name in ("python3", f"python{python.minor}"):
        writer.symlink(f"{layout.scripts}/{name}", "python")
    writer.symlink(f"{layout.prefix}/lib64", "lib")
    writer.file(f"{layout.prefix}/pyvenv.cfg", _configuration(python).encode())


def _configuration(python: Interpreter) -> str:
    home = python.path.rpartition("/")[0]
    return f"home = {home}\ninclude-system-site-packages = false\nversion = {python.version}\n"
