"""Bytecode by the interpreter of Debian's base: what is in it, and that it is what runs."""

from __future__ import annotations

import _imp
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from tests.e2e.conftest import Sources
from tests.makers.examples import BASE, copy_examples, use_sources
from tests.makers.project import Project
from tests.makers.roots import Machine
from tests.makers.stored import StoredImage
from tests.makers.wheels import make_wheel

pytestmark = pytest.mark.network

SITE = "opt/env/lib/python3.11/site-packages"
AMD64 = "linux/amd64"
ONE = make_wheel(
    "one",
    {
        "one/__init__.py": b"from one import deep\nNAMES = frozenset({'a', 'b', 'c', None, 1.5})\n",
        "one/deep.py": b"def twice(x):\n    return x * 2\n",
        "one/template.py": b"import {{ name }}\n",
        "one/null.py": b"\0",
        "one/latin.py": b"x = '\xe9'\n",
        # A package may bring its own; that of the image's interpreter takes its place.
        "one/__pycache__/deep.cpython-311.pyc": b"made by somebody else",
        "one-1.0.data/purelib/pure.py": b"pure = 1\n",
        "one-1.0.data/scripts/tool.py": b"#!python\n",
    },
)
# It would run at the interpreter's start.
TWO = make_wheel("two", {"two.py": b"import one\n", "two.pth": b"import sys; sys.exit('ran')\n"})


@pytest.fixture(scope="module")
def made(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two packages, `plain` and `compiled`, both built."""
    project = declare(Project(tmp_path_factory.mktemp("compiled")), sources)
    project.succeed("lock", "//t/...")
    project.succeed("build", "//t/...")
    return project


def declare(project: Project, sources: Sources) -> Project:
    project = use_sources(copy_examples(project), sources.url)
    stated = {"base": BASE, "wheels": [f"w/{wheel.file_name}" for wheel in (ONE, TWO)]}
    targets = [{"name": "plain", **stated}, {"name": "compiled", "compile": True, **stated}]
    files = {f"t/w/{wheel.file_name}": wheel.data for wheel in (ONE, TWO)}
    return project.write({"t/BUILD.yaml": json.dumps([{"environment": each} for each in targets]), **files})


def build(project: Project, name: str, *options: str) -> StoredImage:
    target = project.succeed("build", f"//t:{name}", "--output", "json", *options).target
    return StoredImage(project.cache / "images" / target["image"].removeprefix("envs/"))


def layers(image: StoredImage) -> list[bytes]:
    return [image.blob(layer).read_bytes() for layer in image.manifest(AMD64)["layers"]]


def read_files(layer: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        return {m.name: file.read() for m in archive if (file := archive.extractfile(m))}


@pytest.fixture(scope="module")
def compiled(made: Project) -> dict[str, bytes]:
    """The files in the layer of bytecode of packages."""
    return read_files(layers(build(made, "compiled"))[-1])


def test_which_modules_have_bytecode(compiled: dict[str, bytes]) -> None:
    names = ("__pycache__/pure", "__pycache__/two", "one/__pycache__/__init__", "one/__pycache__/deep")
    assert sorted(compiled) == [f"{SITE}/{name}.cpython-311.pyc" for name in names]


def test_it_is_unchecked_and_names_the_module_s_place(compiled: dict[str, bytes]) -> None:
    """PEP 552: behind the magic number of 3.11, the flag of a hash that is not checked, and the hash."""
    code = compiled[f"{SITE}/one/__pycache__/deep.cpython-311.pyc"]
    source = b"def twice(x):\n    return x * 2\n"
    magic = (3495).to_bytes(2, "little") + b"\r\n"
    hashed = _imp.source_hash(int.from_bytes(magic, "little"), source)
    assert code[:16] == magic + (1).to_bytes(4, "little") + hashed
    assert f"/{SITE}/one/deep.py".encode() in code


def test_layers_below_are_as_they_were(made: Project) -> None:
    plain, more = layers(build(made, "plain")), layers(build(made, "compiled"))
    assert more[: len(plain)] == plain
    assert len(more) == len(plain) + 2


def test_python_runs_it(made: Project) -> None:
    machine = Machine(made.top / "machine")
    command = ("/usr/bin/python3.11", "-S", "-v", "-c", f"import sys; sys.path.append('/{SITE}'); import two")
    machine.run(layers(build(made, "compiled")), *command)
    taken = {line.split("'")[1] for line in machine.lines if line.startswith("# code object from '")}
    own = {path for path in taken if path.startswith(f"/{SITE}")}
    assert own == {
        f"/{SITE}/{name}.cpython-311.pyc"
        for name in ("__pycache__/two", "one/__pycache__/__init__", "one/__pycache__/deep")
    }
    assert "/usr/lib/python3.11/encodings/__pycache__/utf_8.cpython-311.pyc" in taken
    assert not any(path.endswith(".py") for path in taken)


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_conditions_do_not_matter(made: Project, sources: Sources, tmp_path: Path, jobs: str) -> None:
    variables = {"PYTHONHASHSEED": jobs, "TZ": "Pacific/Chatham", "PYTHONOPTIMIZE": "1"}
    before = os.umask(0o077)
    try:
        project = declare(Project(tmp_path, variables), sources)
        project.write({"t/compiled.lock.json": (made.root / "t/compiled.lock.json").read_bytes()})
        again = build(project, "compiled", "--jobs", jobs)
    finally:
        os.umask(before)
    assert again.digest == build(made, "compiled").digest


def test_one_action_for_each_package(made: Project) -> None:
    told = made.succeed("aquery", "//t:compiled").out.splitlines()
    names = ("python 3.11.2", "one 1.0", "two 1.0")
    assert sorted(line for line in told if line.startswith("Bytecode ")) == sorted(
        f"Bytecode {name}" for name in names
    )


def test_another_package_changes(made: Project) -> None:
    """What one package compiles to is kept when another one changes: each step that ran has a log."""
    before = set((made.cache / "logs").iterdir())
    project = made.write({f"t/w/{TWO.file_name}": make_wheel("two", {"two.py": b"import one, sys\n"}).data})
    project.succeed("lock", "//t:compiled")
    changed = layers(build(project, "compiled"))[-1]
    assert b"sys" in read_files(changed)[f"{SITE}/__pycache__/two.cpython-311.pyc"]
    assert len(set((made.cache / "logs").iterdir()) - before) == 1


def test_a_dockerfile_leaves_no_bytecode_of_another_module(made: Project) -> None:
    module = f"/{SITE}/one/deep.py"
    changes = f"FROM compiled\nCOPY deep.py {module}\n"
    code = f"/{SITE}/one/__pycache__/deep.cpython-311.pyc"
    cleans = f"{changes}COPY --from=compiled /{SITE}/one/__init__.py {code}\n"
    names = {"stale": changes, "clean": cleans}
    targets = [
        {
            "dockerfile_image": {
                "name": name,
                "dockerfile": text,
                "context": ".",
                "contexts": {"compiled": "//t:compiled"},
            }
        }
        for name, text in names.items()
    ]
    made.write({"u/BUILD.yaml": json.dumps(targets), "u/deep.py": "other = 1\n"})
    said = made.fail(1, "build", "//u:stale")
    assert f" changes `{module}`, but its bytecode stays and would be run in its place" in said
    assert f"hint: remove it in a step: `RUN rm {code}`" in said
    made.succeed("build", "//u:clean")
