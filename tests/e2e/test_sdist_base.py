"""An extension in C, built by Debian's compiler in an image that is not the one it is for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import machine_environment
from tests.makers.index import FakeIndex, run_index
from tests.makers.project import Project
from tests.makers.sdists import download_wheels, make_sdist
from tests.makers.stored import StoredImage

pytestmark = pytest.mark.network

AMD64 = "linux/amd64"
SUITE = {"suite": "bookworm", "packages": ["python3.11-minimal", "libpython3.11-stdlib"]}
COMPILER = ("gcc", "libc6-dev", "libpython3.11-dev")
SETUP = """
from setuptools import Extension, setup
setup(name="{name}", version="1.0", ext_modules=[Extension("{name}", ["x.c"], extra_link_args={link})])
"""
SOURCE = """
#include <Python.h>
#ifdef STEPS
#define WITH "after steps: "
#else
#define WITH ""
#endif
static PyObject *compiler(PyObject *self, PyObject *none) {{ return PyUnicode_FromString(WITH __VERSION__); }}
static PyMethodDef methods[] = {{{{"compiler", compiler, METH_NOARGS, 0}}, {{0}}}};
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}", 0, -1, methods}};
PyMODINIT_FUNC PyInit_{name}(void) {{ return PyModule_Create(&module); }}
"""
# A step that changes variables, and of files nothing.
STEPS = """\
FROM build
RUN ["/usr/bin/gcc", "--version"]
ENV CFLAGS=-DSTEPS
"""


def extension(name: str, *link: str) -> tuple[str, bytes]:
    files = {"setup.py": SETUP.format(name=name, link=list(link)), "x.c": SOURCE.format(name=name)}
    return make_sdist(name, files=files)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeIndex]:
    """The setuptools that this machine's index has, and extensions: one of a library that comes with gcc."""
    with run_index(*download_wheels(tmp_path_factory.mktemp("wheels"), "setuptools")) as index:
        index.add(extension("ext"))
        index.add(extension("big", "-Wl,--no-as-needed", "-l:libgmp.so.10"))
        yield index


def declare(
    project: Project, index: FakeIndex, name: str = "app", packages: Sequence[str] = COMPILER, **more: Any
) -> Project:
    """A base, the same with a compiler, that after steps, and an environment on the base."""
    targets = [
        {"debian_base": {"name": "base", **SUITE}},
        {"environment": {"name": "build", "base": ":base", "apt": packages}},
        {"dockerfile_image": {"name": "steps", "dockerfile": STEPS, "contexts": {"build": ":build"}}},
        {"environment": {"name": name, "base": ":base", "pip": ["ext"], "sdists": ["ext", "big"]} | more},
    ]
    sources = [{"index": {"name": "pypi", "url": index.url}}]
    return project.write(
        {"envbuild.yaml": f"sources: {json.dumps(sources)}\n", "BUILD.yaml": json.dumps(targets)}
    )


@pytest.fixture(scope="module")
def made(index: FakeIndex, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Locked and built."""
    project = Project(tmp_path_factory.mktemp("built"), machine_environment())
    declare(project, index, sdist_base=":build").succeed("lock", "//:app")
    build(project)
    return project


def build(project: Project, *options: str, name: str = "app") -> dict[str, Any]:
    return project.succeed("build", f"//:{name}", "--output", "json", *options).target


def layers(project: Project, target: dict[str, Any]) -> list[str]:
    return [each["digest"] for each in stored(project, target).manifest(AMD64)["layers"]]


def stored(project: Project, target: dict[str, Any]) -> StoredImage:
    return StoredImage(project.cache / "images" / target["image"].removeprefix("envs/"))


def run(project: Project, script: str, name: str = "app") -> str:
    return project.succeed("run", f"//:{name}", "--", "python", "-c", script).out


def test_the_extension_is_imported(made: Project) -> None:
    assert run(made, "import ext; print(ext.compiler())").startswith("12.")


def test_no_compiler_is_there(made: Project) -> None:
    """Neither its files, nor a record of it, nor headers."""
    paths = [path for path, _ in stored(made, build(made)).heads(AMD64)]
    assert "opt/env/lib/python3.11/site-packages/ext.cpython-311-x86_64-linux-gnu.so" in paths
    assert "var/lib/dpkg/status.d/python3.11-minimal" in paths
    assert [path for path in paths if "gcc-12" in path.split("/")] == []
    assert [path for path in paths if path.startswith((".build/", "usr/include/"))] == []
    assert [path for path in paths if path in ("usr/bin/gcc", "usr/bin/x86_64-linux-gnu-gcc")] == []
    assert [path for path in paths if path.endswith("status.d/gcc")] == []


def test_the_lock_of_the_other_names_the_compiler(made: Project) -> None:
    def names(target: str) -> set[str]:
        return {each["name"] for each in made.lock(target)["platforms"][AMD64]["artifacts"]}

    assert "gcc-12" in names("build") - names("app")
    assert names("app") == {"ext"}
    assert "locked already" in made.succeed("lock", "//:app").out


@pytest.mark.services
def test_a_container_makes_the_same(made: Project, index: FakeIndex, tmp_path: Path, engine: str) -> None:
    project = Project(tmp_path, {**machine_environment(), "DOCKER_HOST": engine})
    project.write(made.contents())
    assert build(project, "--executor", "docker")["digest"] == build(made)["digest"]


def test_another_package_beside_the_compiler(made: Project, index: FakeIndex) -> None:
    """The step runs again, and makes the same wheel: nothing above it is made again."""
    known = build(made)
    files, events = made.contents(), made.top / "events"
    try:
        declare(made, index, packages=(*COMPILER, "make"), sdist_base=":build").succeed("lock", "//:build")
        assert "is locked already" in made.succeed("lock", "//:app").out
        again = build(made, "--events", str(events))
    finally:
        made.write(files)
    assert again["image"] != known["image"]
    assert layers(made, again) == layers(made, known)
    ended = [json.loads(line) for line in events.read_text().splitlines()]
    ran = [each["mnemonic"] for each in ended if each.get("source") == "executed"]
    assert "BuildWheel" in ran
    assert "WheelLayer" not in ran


def test_an_extension_at_a_url(made: Project, index: FakeIndex) -> None:
    text = f"ext @ {index.origin}/files/ext-1.0.tar.gz#sha256={index.files['ext'][0].sha256}"
    declare(made, index, "there", pip=[text], sdist_base=":build").succeed("lock", "//:there")
    build(made, name="there")
    assert run(made, "import ext; print(ext.compiler())", "there").startswith("12.")
    exported = made.succeed("export", "//:there", "--format", "requirements").out
    assert text.partition("#")[0] in exported


def test_an_extension_of_the_workspace(made: Project, index: FakeIndex) -> None:
    name, data = extension("own")
    declare(made, index, "here", pip=[f"./src/{name}"], sdists=["own"], sdist_base=":build")
    made.write({f"src/{name}": data}).succeed("lock", "//:here")
    build(made, name="here")
    assert run(made, "import own; print(own.compiler())", "here").startswith("12.")
    assert f"\n./src/{name} \\\n" in made.succeed("export", "//:here", "--format", "requirements").out


def test_on_what_steps_made(made: Project, index: FakeIndex) -> None:
    """Its variables count, and what is known of it is compared with what is there."""
    declare(made, index, "stepped", sdist_base=":steps").succeed("lock", "//:stepped")
    build(made, name="stepped")
    assert run(made, "import ext; print(ext.compiler())", "stepped").startswith("after steps: 12.")


def test_a_library_that_only_the_compiler_s_image_has(made: Project, index: FakeIndex) -> None:
    declare(made, index, "linked", pip=["big"], sdist_base=":build").succeed("lock", "//:linked")
    said = made.fail(1, "build", "//:linked")
    assert "the image lacks libraries that its `sdist_base` has:\n" in said
    assert "`big.cpython-311-x86_64-linux-gnu.so` of `big 1.0` is linked to `libgmp.so.10`" in said
    assert "hint: add what brings them" in said
    declare(made, index, "linked", pip=["big"], apt=["libgmp10"], sdist_base=":build")
    made.succeed("lock", "//:linked")
    build(made, name="linked")
    assert run(made, "import big; print(big.compiler())", "linked").startswith("12.")
