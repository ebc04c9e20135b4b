"""Packages, wheels and steps on a real Debian image from a private registry, as dpkg and apt see them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.conftest import machine_environment
from tests.makers.base_images import Upstream
from tests.makers.debian_image import DebianImage, find_mirrors
from tests.makers.docker import Docker, read_tree
from tests.makers.gate import Gate, open_gate
from tests.makers.nobody import copy_parts, grant, run_as_nobody
from tests.makers.project import Project
from tests.makers.registry_content import read_tag
from tests.makers.servers import PASSWORD, USER, require_programs
from tests.makers.stored import StoredImage

pytestmark = [pytest.mark.network, pytest.mark.services]

AMD64 = "linux/amd64"
BASE_LAYERS = 3
# The last one needs the very version of a library that the base has, security updates and all.
ADDED = ["libgl1", "libgomp1", "libssl-dev"]
FILES = {"main.py": "/app/main.py"}
OWN_PYTHON = {"path": "/usr/bin/python3", "managed": False}
STEP = """\
FROM app
RUN dpkg -l > /packages && apt-get --version && ldconfig -p > /libraries \\
 && python3 -c 'import numpy; print(numpy.arange(3).sum())' > /sum \\
 && useradd --create-home --shell /bin/bash robin
USER robin
CMD ["sh", "-c", "id -un; cat /sum; python3 /app/main.py; tail -n 1 /packages | cut -c 1-2"]
"""
PRINTED = "robin\n3\n[2 2]\nii\n"


def describe_targets() -> list[object]:
    """The workspace's targets: the image in both forms, and what stands on either."""
    added = {"apt": ADDED}
    targets: list[object] = [
        {"environment": {"name": "files", "base": ":slim", "interpreter": OWN_PYTHON, "files": FILES}},
        {"environment": {"name": "packages", "base": ":slim", "interpreter": OWN_PYTHON, **added}},
    ]
    for base, app, step, tag in (("slim", "app", "step", "3.11-slim"), ("other", "app2", "step2", "other")):
        stated = {"name": app, "base": f":{base}", "pip": ["numpy"], "files": FILES, **added}
        targets += [
            {"base_image": {"name": base, "image": f"python:{tag}", "registry": "team"}},
            {"environment": stated},
            {"dockerfile_image": {"name": step, "contexts": {"app": f":{app}"}, "dockerfile": STEP}},
        ]
    return targets


MAIN = "import numpy\nprint(numpy.ones((2, 2), int) @ numpy.ones(2, int))\n"


@pytest.fixture(scope="module")
def upstream(debian_image: DebianImage, private_registry: str) -> Upstream:
    """The image in both forms, in the registry that wants a login."""
    upstream = Upstream(private_registry, f"team{uuid4().hex}/python", (USER, PASSWORD))
    debian_image.push(upstream, "3.11-slim")
    debian_image.push_converted(upstream, "other")
    return upstream


def name_registry(host: str, upstream: Upstream) -> str:
    """envbuild.yaml with the registry, which may be reached by way of another host."""
    login = {"username_env": "TEAM_USER", "password_env": "TEAM_PASSWORD"}
    team = f"{host}/{upstream.repository.partition('/')[0]}"
    return f"sources: {json.dumps([{'registry': {'name': 'team', 'host': team, **login}}])}\n"


@pytest.fixture(scope="module")
def project(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The workspace, locked; what needs no step is built."""
    login = {"TEAM_USER": USER, "TEAM_PASSWORD": PASSWORD}
    project = Project(tmp_path_factory.mktemp("image"), {**machine_environment(), **login})
    files = {
        "envbuild.yaml": name_registry(upstream.host, upstream),
        "BUILD.yaml": json.dumps(describe_targets()),
    }
    project.write({**files, "main.py": MAIN}).succeed("lock", "//...")
    project.succeed("build", "//:app", "//:app2", "//:packages")
    return project


def image_lock(project: Project, name: str) -> dict[str, Any]:
    """What is locked of a base image."""
    (image,) = project.lock(name)["platforms"][AMD64]["images"].values()
    assert isinstance(image, dict)
    return image


def ask(project: Project, script: str) -> str:
    """What a script in the environment writes."""
    return project.succeed("run", "--bare", "//:app", "--", "sh", "-ec", script).out


def added(project: Project, name: str = "app") -> dict[str, str]:
    """The versions of the Debian packages that are locked for a target."""
    artifacts = project.lock(name)["platforms"][AMD64]["artifacts"]
    return {each["name"]: each["version"] for each in artifacts if each["kind"] == "deb"}


def test_what_is_read_of_it(project: Project) -> None:
    slim, other = image_lock(project, "slim"), image_lock(project, "other")
    facts = {"libc": "glibc 2.36", "python": "3.11.2", "interpreter": "/usr/bin/python3.11"}
    suites = " ".join(sorted(find_mirrors()))
    apt = {"suite": "bookworm", "suites": suites, "components": "main"}
    assert slim["facts"] == {**facts, **apt, "dpkg": "1"}
    assert project.lock("app")["inputs"]["suite"] == suites
    assert slim["config"]["Cmd"] == ["python3"]
    same = ("facts", "config", "packages", "root")
    assert {key: slim.get(key) for key in same} == {key: other.get(key) for key in same}
    installed = ask(project, "dpkg-query -W -f '${Package} ${Version} ${Architecture}\\n'").splitlines()
    assert set(slim["packages"]) == {line for line in installed if line.split()[0] not in added(project)}


def test_dpkg_and_apt_find_nothing_wrong(project: Project) -> None:
    names = added(project)
    assert {"libgl1", "libgomp1", "libllvm15"} < names.keys()
    assert ask(project, "dpkg --audit") == ""
    assert ask(project, f"dpkg --verify {' '.join(names)}") == ""
    assert "0 not upgraded" in ask(project, "apt-get check; apt-get --simulate install libgl1 libgomp1")
    assert ask(project, "apt-get --simulate install libgl1 | grep -c newest") == "1\n"


def test_the_libraries_load(project: Project) -> None:
    load = "import ctypes; [ctypes.CDLL(name) for name in ('libGL.so.1', 'libgomp.so.1')]"
    assert ask(project, f'python3 -c "{load}"; python3 /app/main.py') == "[2 2]\n"


@pytest.fixture
def docker(engine: str) -> Docker:
    return Docker(engine)


# What installers write anew, or leave behind: caches, logs, and records in an order of their own.
MEANT = ("/etc/ld.so.cache", "/tmp", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/log")
RECORDS = "cat /var/lib/dpkg/status; ls /var/lib/dpkg/info; apt-get --simulate autoremove"


def test_apt_makes_the_same(project: Project, docker: Docker, tmp_path: Path) -> None:
    base = load(project, docker, "//:slim")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base}\nRUN apt-get update && apt-get install -y --no-install-recommends "
        f"{' '.join(ADDED)} && rm -rf /var/lib/apt/lists/*\n"
    )
    docker("build", "--network=host", "--quiet", "--tag=theirs", str(tmp_path))
    target = report(project, "//:packages")
    image = StoredImage(project.cache / "images" / target["image"].removeprefix("envs/"))
    layers = [image.blob(layer).read_bytes() for layer in image.manifest(AMD64)["layers"]]
    ours = without(read_tree(layers[BASE_LAYERS:]), MEANT)
    assert ours == without(docker.tree("theirs", above=BASE_LAYERS), MEANT)
    assert len(ours) > 500
    told = project.succeed("run", "--bare", "//:packages", "--", "sh", "-ec", RECORDS).out
    assert sorted(told.splitlines()) == sorted(run(docker, "theirs", "sh", "-ec", RECORDS).splitlines())


def without(tree: dict[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    """A tree without what lies in these places."""
    return {path: entry for path, entry in tree.items() if not path.startswith(prefixes)}


def load(project: Project, docker: Docker, target: str) -> str:
    """Load a target's image into the engine; returns its name there."""
    loaded = project.with_variables(DOCKER_HOST=docker.address).succeed("load", target, "--output", "json")
    return str(loaded.json["image"])


def run(docker: Docker, *arguments: str) -> str:
    """What a container prints."""
    return docker("run", "--rm", "--network=none", *arguments).decode()


def report(project: Project, *arguments: str) -> dict[str, Any]:
    """The report of a build of one target."""
    return project.succeed("build", *arguments, "--output", "json").target


def test_a_step_makes_the_same_on_either_form(project: Project, docker: Docker) -> None:
    step, other = (report(project, target)["platforms"][0]["layers"] for target in ("//:step", "//:step2"))
    assert [layer["diff_id"] for layer in step] == [layer["diff_id"] for layer in other]
    assert step[-1] == other[-1]
    assert run(docker, load(project, docker, "//:step")) == PRINTED


@pytest.fixture
def nobodys(project: Project) -> Iterator[Project]:
    """The workspace as an ordinary user's, with what was downloaded and what was made of it."""
    require_programs("newuidmap", root=True)
    top = Path(mkdtemp())
    yield copy_parts(project, Project(top, project.variables), "blobs")
    subprocess.run(["rm", "-rf", top], check=True)


def test_an_ordinary_user(project: Project, nobodys: Project) -> None:
    """Packages need nobody's numbers; steps on files of others do, and their error says how to get them."""
    without = grant("", nobodys.top)
    done = run_as_nobody(nobodys, ["build", "//:packages", "--output", "json"], without)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["targets"][0]["digest"] == report(project, "//:packages")["digest"]
    refused = run_as_nobody(nobodys, ["build", "//:step"], without)
    assert refused.returncode == 1, refused
    assert "has the gid 42, which is not mapped" in refused.stderr
    advised = re.search("sub-ids: `echo (.+) [|] sudo tee -a /etc/subuid /etc/subgid`", refused.stderr)
    assert advised, refused
    granted = grant(f"{advised[1]}\n", nobodys.top)
    done = run_as_nobody(nobodys, ["build", "//:step", "--output", "json"], granted)
    assert done.returncode == 0, done
    (target,) = json.loads(done.stdout)["targets"]
    assert target["actions"]["executed"] > 0
    assert target["digest"] == report(project, "//:step")["digest"]
    assert run_as_nobody(nobodys, ["run", "//:step"], granted).stdout == PRINTED


def test_nothing_of_the_base_moves(project: Project, upstream: Upstream, tmp_path: Path) -> None:
    with open_gate(Gate(upstream.host)) as gate:
        machine = Project(tmp_path, project.variables)
        text = name_registry(gate.host, upstream)
        machine.write({**project.contents(), "envbuild.yaml": text})
        there = f"{gate.host}/{upstream.repository}/there"
        pushed = report(machine, "//:files", "--push", "--registry", there)
        sent = sum(len(asked.body) for asked in gate.asked)
        fetched = gate.count("GET", "/blobs/sha256")
    assert (fetched, pushed["pushed"]["mounted"]) == (0, BASE_LAYERS)
    assert sent < 100_000
    repository = f"{upstream.repository}/there/{pushed['image']}"
    assert read_tag(upstream.host, repository, upstream.login) == pushed["digest"]


def test_it_runs_where_it_is_pulled(project: Project, registry: str, docker: Docker) -> None:
    there = f"{registry}/pulled{uuid4().hex}"
    pushed = report(project, "//:step", "--push", "--registry", there)
    image = f"{there}/{pushed['image']}:latest"
    docker("pull", "--quiet", image)
    assert run(docker, image) == PRINTED
