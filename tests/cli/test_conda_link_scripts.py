"""Post-link scripts of conda packages: off, and run in the sandbox where the spec names them."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from tests.cli.test_conda import conda, locked, name_sources
from tests.makers.conda_channel import Channel
from tests.makers.conda_packages import LONG_PLACEHOLDER, CondaPackage, executable
from tests.makers.index import FakeIndex
from tests.makers.project import Project, environment
from tests.makers.questions import host_facts
from tests.makers.roots import require_sandbox
from tests.makers.servers import require_programs
from tests.makers.stored import StoredImage

PLATFORM = str(host_facts().platform)
SUBDIR = host_facts().platform.conda
# It tells its prefix, which it cannot know otherwise, and what was there when it ran.
SCRIPT = """\
set -e
echo "$PKG_NAME $PKG_VERSION $PKG_BUILDNUM $PREFIX $CONDA_PREFIX" > "$PREFIX/$PKG_NAME.linked"
for path in "$PREFIX"/*.linked; do echo "${path##*/}" >> "$PREFIX/order"; done
echo "remember me" > "$PREFIX/.messages.txt"
"""
BASH = f'#!{LONG_PLACEHOLDER}/bin/busybox sh\nexec {LONG_PLACEHOLDER}/bin/busybox sh "$@"\n'


def scripted(name: str, script: str = SCRIPT, **more: object) -> CondaPackage:
    files = {f"bin/.{name}-post-link.sh": script, f"share/{name}": name}
    return CondaPackage(name, files, subdir=SUBDIR, build_number=3, **more)  # type: ignore[arg-type]


@pytest.fixture
def workspace(project: Project, index: FakeIndex, tmp_path: Path) -> Project:
    """A workspace with a channel of a shell, of packages with scripts, and of one without."""
    require_programs("busybox")
    busybox = Path(shutil.which("busybox") or "").read_bytes()
    shell = {
        "bin/busybox": executable(busybox),
        "bin/rm": executable(busybox),
        "bin/bash": executable(BASH, placeholder=LONG_PLACEHOLDER),
    }
    channel = Channel(tmp_path / "channel").publish(
        CondaPackage("bash", shell, subdir=SUBDIR),
        scripted("alpha", depends=["zeta"]),
        scripted("zeta"),
        scripted("broken", "echo no such luck; exit 7\n"),
        CondaPackage("plain", {"share/plain": "1"}, subdir=SUBDIR),
    )
    return name_sources(project, index, ours=channel.url)


def write(workspace: Project, *names: str, scripts: list[str]) -> Project:
    target = conda("bash", *names, platforms=[PLATFORM], link_scripts=scripts)
    workspace.write({"BUILD.yaml": target}).succeed("lock")
    return workspace


def build(workspace: Project) -> tuple[dict[str, bytes], list[set[str]]]:
    """The files of the image, and the names in each layer."""
    target = workspace.succeed("build", "--output", "json").target
    image = StoredImage(workspace.cache / "images" / target["image"].removeprefix("envs/"))
    assert image.violations() == ()
    files: dict[str, bytes] = {}
    layers: list[set[str]] = []
    for layer in image.manifest(PLATFORM)["layers"]:
        with tarfile.open(image.blob(layer)) as archive:
            members = {each.name: each for each in archive if each.isreg()}
            layers.append(set(members))
            files |= {name: archive.extractfile(each).read() for name, each in members.items()}  # type: ignore[union-attr]
    return files, layers


def test_they_do_not_run_unless_they_are_named(workspace: Project) -> None:
    write(workspace, "alpha", scripts=[])
    assert locked(workspace, PLATFORM)["conda alpha"]["conda"]["post_link"] is True
    assert "post_link" not in locked(workspace, PLATFORM)["conda bash"]["conda"]
    files, _ = build(workspace)
    assert "opt/env/bin/.alpha-post-link.sh" in files
    assert not any(path.endswith(".linked") for path in files)


def test_those_that_are_named_run_as_a_layer_of_their_own(workspace: Project) -> None:
    require_sandbox()
    files, layers = build(write(workspace, "alpha", "zeta", scripts=["alpha", "zeta"]))
    assert files["opt/env/alpha.linked"] == b"alpha 1.0 3 /opt/env /opt/env\n"
    # What others need comes first, in whatever order the spec has them.
    assert files["opt/env/order"] == b"zeta.linked\nalpha.linked\nzeta.linked\n"
    assert layers[-1] == {f"opt/env/{name}" for name in ("alpha.linked", "zeta.linked", "order")}


def test_only_those_that_are_named_run(workspace: Project) -> None:
    require_sandbox()
    files, _ = build(write(workspace, "alpha", "broken", scripts=["zeta"]))
    assert files["opt/env/order"] == b"zeta.linked\n"


def test_one_that_fails(workspace: Project) -> None:
    require_sandbox()
    said = write(workspace, "alpha", "broken", scripts=["broken"]).fail(1, "build")
    assert "no such luck" in said
    assert "the post-link script of broken failed with exit code 7" in said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("plain", "`link_scripts` names `plain`, which has no post-link script"),
        ("absent", "`link_scripts` names `absent`, and no conda package is called so"),
    ],
)
def test_names_without_a_script(workspace: Project, name: str, message: str) -> None:
    assert message in write(workspace, "plain", scripts=[name]).fail(2, "build")


def test_without_conda(workspace: Project) -> None:
    workspace.write({"BUILD.yaml": environment(link_scripts=["alpha"])})
    assert "`link_scripts` without `conda`" in workspace.fail(2, "lock")
