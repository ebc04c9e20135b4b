"""Packages built from source by real backends, on Debian's base: what comes of it, and what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.e2e.conftest import Sources
from tests.makers.examples import BASE, copy_examples
from tests.makers.index import FakeIndex, run_index
from tests.makers.nobody import SUB_IDS, copy_parts, grant, run_as_nobody
from tests.makers.project import Project
from tests.makers.sdists import SETUPTOOLS, download_wheels, make_sdist
from tests.makers.servers import require_programs

pytestmark = pytest.mark.network

BACKENDS = {
    "setuptools": "setuptools.build_meta",
    "flit_core": "flit_core.buildapi",
    "hatchling": "hatchling.build",
}
NAMES = ("by-setuptools", "by-flit-core", "by-hatchling", "by-itself", "by-setup")
# What it says is where it was built: neither a network nor anything of this machine.
SETUP = """
import os, socket, sys
from setuptools import setup
try:
    socket.create_connection(("127.0.0.1", {port})).close()
    reached = True
except OSError:
    reached = False
open("by_setup.py", "w").write("REACHED = %r\\nHOME = %r\\n" % (reached, os.environ["HOME"]))
setup(name="by-setup", version="1.0", py_modules=["by_setup"], scripts=["tool"])
"""
# A backend in the sdist itself, without any requirement (PEP 517, "In-tree build backends").
BACKEND = """
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    name, info = "by_itself-1.0-py3-none-any.whl", "by_itself-1.0.dist-info"
    files = {"by_itself.py": "x = 1\\n", info + "/RECORD": ""}
    files[info + "/METADATA"] = "Metadata-Version: 2.1\\nName: by-itself\\nVersion: 1.0\\n"
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(folder + "/" + name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
"""


def backend_sdist(requires: str) -> tuple[str, bytes]:
    """A package with a module, a program and the `[project]` table that all backends know."""
    name = f"by-{requires.replace('_', '-')}"
    module = name.replace("-", "_")
    pyproject = (
        f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{BACKENDS[requires]}"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\ndescription = "x"\n'
        f'[project.scripts]\n{name} = "{module}:main"\n'
    )
    source = {f"{module}/__init__.py": f'"""x."""\n\n\ndef main():\n    print("{name} runs")\n'}
    return make_sdist(name, pyproject=pyproject, files=source)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeIndex]:
    """The backends and what they need, as this machine's index has them, and an sdist for each way."""
    folder = tmp_path_factory.mktemp("wheels")
    with run_index(*download_wheels(folder, *BACKENDS, "wheel")) as index:
        for requires in BACKENDS:
            index.add(backend_sdist(requires))
        port = index.origin.rpartition(":")[2]
        files = {"setup.py": SETUP.format(port=port), "tool": "#!/usr/bin/python3\nprint('tool')\n"}
        index.add(make_sdist("by-setup", metadata="1.1", pyproject="", files=files))
        system = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["build"]\n'
        index.add(make_sdist("by-itself", pyproject=system, files={"build/own.py": BACKEND}))
        yield index


def declare(
    project: Project, index: FakeIndex, sources: Sources, *names: str, folder: str = "t", **more: object
) -> Project:
    """The examples' base, and an environment `app` of packages that are built."""
    found = [
        {"index": {"name": "pypi", "url": index.url}},
        {"debian": {"name": "debian", "urls": [f"{sources.url}/debian"]}},
    ]
    target = {"name": "app", "base": BASE, "pip": names, "sdists": names, **more}
    files = {
        "envbuild.yaml": f"sources: {json.dumps(found)}\n",
        f"{folder}/BUILD.yaml": json.dumps([{"environment": target}]),
    }
    return copy_examples(project).write(files)


def build(project: Project, *options: str) -> str:
    """The digest of the image."""
    digest = project.succeed("build", "//t:app", "--output", "json", *options).target["digest"]
    assert isinstance(digest, str)
    return digest


@pytest.fixture(scope="module")
def made(index: FakeIndex, sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Locked and built."""
    project = declare(Project(tmp_path_factory.mktemp("built")), index, sources, *NAMES)
    project.succeed("lock", "//t:app")
    build(project)
    return project


def run(project: Project, script: str) -> str:
    return project.succeed("run", "//t:app", "--", "python", "-c", script).out


@pytest.mark.parametrize("name", ["by-setuptools", "by-flit-core", "by-hatchling"])
def test_each_backend(made: Project, name: str) -> None:
    assert made.succeed("run", "//t:app", "--", name).out == f"{name} runs\n"
    script = f"import importlib.metadata as m; d = m.distribution('{name}'); print(d.version, bool(d.files))"
    assert run(made, script) == "1.0 True\n"


def test_a_backend_in_the_sdist(made: Project) -> None:
    assert run(made, "import by_itself; print(by_itself.x)") == "1\n"


def test_nothing_of_this_machine_is_there(made: Project, index: FakeIndex) -> None:
    assert run(made, "import by_setup as b; print(b.REACHED, b.HOME)") == "False /.build/home\n"


def test_what_is_built_with_is_in_no_image(made: Project) -> None:
    script = "import importlib.util as u, os; print(u.find_spec('setuptools'), os.path.exists('/.build'))"
    assert run(made, script) == "None False\n"


def test_programs_are_executable(made: Project) -> None:
    assert made.succeed("run", "//t:app", "--", "tool").out == "tool\n"


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_two_builds_are_equal(
    made: Project, index: FakeIndex, sources: Sources, tmp_path: Path, jobs: str
) -> None:
    variables = {"PYTHONHASHSEED": jobs, "TZ": "Pacific/Chatham", "SOURCE_DATE_EPOCH": "1"}
    before = os.umask(0o077)
    try:
        project = declare(Project(tmp_path, variables), index, sources, *NAMES)
        project.write({"t/app.lock.json": (made.root / "t/app.lock.json").read_bytes()})
        assert build(project, "--jobs", jobs) == build(made)
    finally:
        os.umask(before)


@pytest.mark.services
def test_a_container_makes_the_same(
    made: Project, index: FakeIndex, sources: Sources, tmp_path: Path, engine: str
) -> None:
    """And under the same keys, which name the logs."""
    project = declare(Project(tmp_path, {"DOCKER_HOST": engine}), index, sources, *NAMES)
    project.write({"t/app.lock.json": (made.root / "t/app.lock.json").read_bytes()})
    assert build(project, "--executor", "docker") == build(made)
    logs, known = ({path.name for path in (each.cache / "logs").iterdir()} for each in (project, made))
    assert len(logs) == len(NAMES)
    assert logs <= known


def test_bytecode(made: Project, index: FakeIndex, sources: Sources) -> None:
    project = declare(made, index, sources, "by-itself", folder="compiled", compile=True)
    project.succeed("lock", "//compiled:app")
    project.succeed("build", "//compiled:app")
    script = "import by_itself, os; print(os.path.exists(by_itself.__cached__))"
    assert project.succeed("run", "//compiled:app", "--", "python", "-c", script).out == "True\n"


@pytest.mark.services
def test_bytecode_in_a_container(
    made: Project, index: FakeIndex, sources: Sources, tmp_path: Path, engine: str
) -> None:
    """Of a wheel that the container built, too."""
    variables = {"DOCKER_HOST": engine}
    project = declare(Project(tmp_path, variables), index, sources, "by-itself", compile=True)
    project.write({"t/app.lock.json": (made.root / "compiled/app.lock.json").read_bytes()})
    known = made.succeed("build", "//compiled:app", "--output", "json").target["digest"]
    assert build(project, "--executor", "docker") == known


def test_as_a_user(made: Project) -> None:
    """Without root and without an engine: the same image."""
    require_programs("newuidmap", root=True)
    top = Path(mkdtemp())
    try:
        project = copy_parts(made, Project(top), "blobs")
        done = run_as_nobody(project, ["build", "//t:app", "--output", "json"], grant(SUB_IDS, top))
        assert done.returncode == 0, done
        assert json.loads(done.stdout)["targets"][0]["digest"] == build(made)
    finally:
        subprocess.run(["rm", "-rf", top], check=True)


def setup(arguments: str) -> dict[str, str]:
    return {"setup.py": f"from setuptools import setup\nsetup(name='app', {arguments})"}


FAULTS = {
    "fails": (
        make_sdist("app", files={"setup.py": "raise SystemExit('on purpose')"}),
        ("BuildWheel app 1.0", "SystemExit: on purpose", "hint: all it wrote is in `"),
    ),
    "asks for more": (
        make_sdist("app", files=setup("setup_requires=['no-such-thing']")),
        (
            "BuildWheel app 1.0",
            "its backend also requires `no-such-thing`, which its",
        ),
    ),
    "another version": (
        make_sdist("app", files=setup("version='2.0'")),
        ("TakeWheel app 1.0", "the backend made a wheel of `app 2.0`, not of the locked package", "hint: "),
    ),
    "other dependencies": (
        make_sdist("app", metadata="2.1", files=setup("version='1.0', install_requires=['dep>=2']")),
        ("TakeWheel app 1.0", "the wheel does not require what its sdist states: `dep>=2`", "under `wheels`"),
    ),
    "another platform": (
        make_sdist("app", files=setup("version='1.0', options={'bdist_wheel': {'plat_name': 'win_amd64'}}")),
        (
            "TakeWheel app 1.0",
            "the wheel is for `py3-none-win_amd64`",
            "does not fit the target",
        ),
    ),
    "no such backend": (
        make_sdist("app", pyproject=SETUPTOOLS.replace(".build_meta", ".nothing")),
        ("BuildWheel app 1.0", "No module named 'setuptools.nothing'"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong(made: Project, index: FakeIndex, sources: Sources, fault: str) -> None:
    sdist, expected = FAULTS[fault]
    index.files["app"] = []
    index.add(sdist)
    project = declare(made, index, sources, "app", folder="faulty")
    (project.root / "faulty/app.lock.json").unlink(missing_ok=True)
    project.succeed("lock", "//faulty:app")
    outcome = project.run("build", "//faulty:app")
    said = outcome.err[outcome.err.rindex("error: ") :]
    assert [text for text in expected if text not in said] == [], outcome
    assert (outcome.code, outcome.out, project.leftovers()) == (1, "", [])
