"""`envbuild import`: what other tools wrote, as targets of BUILD.yaml that lock and build."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.makers.conda_channel import Channel
from tests.makers.conda_lock import package, write_lock
from tests.makers.conda_packages import CondaPackage
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project

SHA, OTHER = "a" * 64, "b" * 64
SITE = "lib/python3.11/site-packages"
LIB = CondaPackage("libfoo", {"lib/libfoo.so": b"one"}, depends=("__glibc >=2.17",))
PYTHON = CondaPackage("python", {"bin/python3.11": b"python"}, version="3.11.9", depends=("libfoo",))
SIX = CondaPackage(
    "six",
    {
        "site-packages/six.py": b"six",
        "site-packages/six-1.16.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n",
    },
    version="1.16.0",
    noarch="python",
    depends=("python",),
)
BASE = "base: scratch, libc: glibc 2.36"


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path / "channel").publish(LIB, PYTHON, SIX)


@pytest.fixture
def workspace(project: Project, channel: Channel, index: FakeIndex) -> Project:
    """A workspace with a channel, an index, and a base for what is imported."""
    index.add(make_package("own"))
    sources = [
        {"channel": {"name": "ours", "url": channel.url}},
        {"index": {"name": "pypi", "url": index.url}},
    ]
    build = "- dockerfile_image:\n    name: base\n    dockerfile: |\n      FROM scratch\n      USER nobody\n"
    return project.write({"envbuild.yaml": f"sources: {json.dumps(sources)}\n", "bases/BUILD.yaml": build})


def build_file(project: Project, package: str = "") -> str:
    return (project.root / package / "BUILD.yaml").read_text()


def test_an_environment_file(workspace: Project) -> None:
    workspace.write(
        {"environment.yml": "name: my train\nchannels: [ours]\ndependencies: [python=3.11, six]\n"}
    )
    out = workspace.succeed("import", "environment.yml").out
    assert out == "wrote //:my-train to BUILD.yaml: next, run `envbuild lock //:my-train`\n"
    assert build_file(workspace) == (
        "- debian_base:\n"
        "    name: my-train-base\n"
        "    suite: bookworm\n"
        "    packages: [libc6, ca-certificates, tzdata]\n"
        "\n"
        "- environment:\n"
        "    name: my-train\n"
        '    base: ":my-train-base"\n'
        "    conda: environment.yml\n"
    )
    assert workspace.succeed("query", "//...").out.split() == [
        "//:my-train",
        "//:my-train-base",
        "//bases:base",
    ]
    assert workspace.succeed("hook", "format", "BUILD.yaml").out == ""


def test_what_is_imported_locks(workspace: Project) -> None:
    low = f"- environment: {{name: low, {BASE}, conda: {{channels: [ours], dependencies: [six]}}}}\n"
    workspace.write({"requirements.txt": "-c bounds.txt\nown\n", "bounds.txt": "own<2\n", "BUILD.yaml": low})
    workspace.succeed("import", "requirements.txt", "--name", "app", "--base", ":low")
    workspace.succeed("lock", ":low")
    workspace.succeed("lock", ":app")
    (own,) = workspace.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    assert (own["name"], own["version"]) == ("own", "1.0")


def test_what_is_there_stays_as_it_is(workspace: Project) -> None:
    before = "# ours\n-   environment: {name: low,   base: scratch}   # odd"
    workspace.write({"BUILD.yaml": before, "requirements.txt": "own\n"})
    workspace.succeed("import", "requirements.txt", "--name", "app", "--base", ":low")
    assert build_file(workspace) == (
        f'{before}\n\n- environment:\n    name: app\n    base: ":low"\n    pip: requirements.txt\n'
    )
    assert "has a target `app`" in workspace.fail(2, "import", "requirements.txt", "--name", "app")


def test_several_files_are_one_target(workspace: Project) -> None:
    workspace.write(
        {
            "a/b.yml": "name: b\ndependencies: [python]\n",
            "a/c.yml": "name: c\ndependencies: [six]\n",
            "pyproject.toml": "[project]\ndependencies = ['own']\n",
        }
    )
    workspace.succeed("import", "a/b.yml", "a/c.yml", "pyproject.toml", "--base", "//bases:base")
    assert build_file(workspace) == (
        '- environment:\n    name: b\n    base: "//bases:base"\n'
        "    conda: [a/b.yml, a/c.yml]\n    pip: pyproject.toml\n"
    )


def test_names_that_yaml_would_read_as_something_else(workspace: Project) -> None:
    workspace.write({"3.10/requirements.txt": "own\n"})
    workspace.succeed("import", "3.10/requirements.txt", "--name", "3.10", "--base", "//bases:base")
    assert '    name: "3.10"\n' in build_file(workspace)
    assert "//:3.10" in workspace.succeed("query", "//...").out


def test_explicit_files(workspace: Project) -> None:
    workspace.write({"linux.txt": "@EXPLICIT\nhttps://conda.example/c/linux-64/python-3.11.9-0.conda\n"})
    workspace.succeed("import", "linux.txt", "--name", "app")
    assert "    conda: linux.txt\n" in build_file(workspace)
    assert "libc6" in build_file(workspace)


def test_results_as_json(workspace: Project) -> None:
    workspace.write({"r.txt": "own\n"})
    found = workspace.succeed("import", "r.txt", "--name", "app", "--output", "json").json
    assert found == {"targets": ["//:app-base", "//:app"], "files": ["BUILD.yaml"], "notes": []}


# pylock.toml.

PYLOCK = f"""\
lock-version = "1.0"
requires-python = ">=3.9"
created-by = "a tool"

[[packages]]
name = "six"
version = "1.16.0"
wheels = [{{name = "six-1.16.0-py3-none-any.whl", url = "https://f.example/six-1.16.0-py3-none-any.whl", hashes = {{sha256 = "{SHA}"}}}}]

[[packages]]
name = "own"
version = "1.0"
marker = "platform_machine == 'x86_64'"
wheels = [
  {{name = "own-1.0-py3-none-any.whl", url = "https://f.example/own-1.0-py3-none-any.whl", hashes = {{sha256 = "{SHA}"}}}},
  {{name = "own-1.0-py2-none-any.whl", url = "https://f.example/own-1.0-py2-none-any.whl", hashes = {{sha256 = "{OTHER}"}}}},
]

[[packages]]
name = "demo"
archive = {{url = "https://f.example/demo-1.0-py3-none-any.whl", hashes = {{sha256 = "{SHA}"}}}}
"""  # noqa: E501 (as tools write it)


def test_pylock(workspace: Project) -> None:
    workspace.write({"pylock.toml": PYLOCK})
    workspace.succeed("import", "pylock.toml", "--name", "app")
    assert "    pip: app.requirements.txt\n" in build_file(workspace)
    assert (workspace.root / "app.requirements.txt").read_text().splitlines() == [
        f"demo @ https://f.example/demo-1.0-py3-none-any.whl#sha256={SHA}",
        f'own==1.0; platform_machine == "x86_64" --hash=sha256:{SHA} --hash=sha256:{OTHER}',
        f"six==1.16.0 --hash=sha256:{SHA}",
    ]
    assert "//:app" in workspace.succeed("query", "//...").out


URL = "https://f.example/x-1-py3-none-any.whl"
UNLOCKABLE = {
    f'vcs = {{type = "git", url = "{URL}", commit-id = "1"}}': "`x` is locked as a commit of",
    'directory = {path = "."}': "`x` is locked as a folder",
    f'version = "1"\nwheels = [{{name = "x-1-py3-none-any.whl", url = "{URL}", hashes = {{md5 = "a"}}}}]': (
        "a file of `x` has no sha256"
    ),
    f'marker = "\'dev\' in dependency_groups"\narchive = {{url = "{URL}", hashes = {{sha256 = "{SHA}"}}}}': (
        "`x` is for some extras or dependency groups only"
    ),
    'version = "one"': "this is no pylock.toml: ",
}


@pytest.mark.parametrize("entry", UNLOCKABLE)
def test_what_no_lock_of_wheels_holds(workspace: Project, entry: str) -> None:
    head = 'lock-version = "1.0"\ncreated-by = "a tool"\n[[packages]]\nname = "x"\n'
    workspace.write({"pylock.toml": f"{head}{entry}\n"})
    assert f"pylock.toml: error: {UNLOCKABLE[entry]}" in workspace.fail(2, "import", "pylock.toml")


def test_pylock_with_an_sdist(workspace: Project) -> None:
    head = 'lock-version = "1.0"\ncreated-by = "a tool"\n[[packages]]\nname = "x"\nversion = "1"\n'
    file = f'{{name = "x-1.tar.gz", url = "https://f.example/x-1.tar.gz", hashes = {{sha256 = "{SHA}"}}}}'
    workspace.write({"pylock.toml": f"{head}sdist = {file}\n"})
    workspace.succeed("import", "pylock.toml", "--name", "app")
    assert build_file(workspace).endswith("    pip: app.requirements.txt\n    sdists: [x]\n")
    assert (workspace.root / "app.requirements.txt").read_text() == f"x==1 --hash=sha256:{SHA}\n"


def test_a_python_that_the_base_would_not_have(workspace: Project) -> None:
    text = 'lock-version = "1.0"\nrequires-python = ">=3.12"\ncreated-by = "a tool"\npackages = []\n'
    workspace.write({"pylock.dev.toml": text})
    assert "it is for Python `>=3.12`" in workspace.fail(2, "import", "pylock.dev.toml")
    workspace.succeed("import", "pylock.dev.toml", "--base", "//bases:base")


# conda-lock.yml.

SOURCE = "channels: [conda-forge]\ndependencies: [zlib, pip: [six]]\nplatforms: [linux-64]\n"


def content_hash(source: Path, cuda: str = "default", virtual: Path | None = None) -> str:
    """What conda-lock itself writes for this source, and what it is told of the target."""
    from conda_lock.content_hash import compute_content_hashes
    from conda_lock.src_parser import make_lock_spec
    from conda_lock.virtual_package import (
        default_virtual_package_repodata,
        virtual_package_repo_from_specification,
    )

    names = source.with_name("names.json")
    names.write_text("{}")
    asked = make_lock_spec(src_files=[source], mapping_url=str(names))
    names.unlink()
    default = default_virtual_package_repodata(cuda_version=cuda)
    told = virtual_package_repo_from_specification(virtual) if virtual else default
    return str(compute_content_hashes(asked, told)["linux-64"])


def test_conda_lock_beside_virtual_packages(workspace: Project) -> None:
    virtual = "subdirs: {linux-64: {packages: {__glibc: '2.17', __cuda: '11.4'}}}\n"
    workspace.write({"environment.yml": SOURCE, "virtual-packages.yml": virtual})
    root = workspace.root
    digest = content_hash(root / "environment.yml", virtual=root / "virtual-packages.yml")
    write_lock(root, package("zlib"), content_hash=digest)
    workspace.succeed("import", "conda-lock.yml", "--name", "app")


@pytest.mark.parametrize("cuda", ["default", "", "12.4"])
def test_conda_lock_of_its_sources(workspace: Project, cuda: str) -> None:
    workspace.write({"environment.yml": SOURCE})
    digest = content_hash(workspace.root / "environment.yml", cuda)
    write_lock(workspace.root, package("zlib"), content_hash=digest)
    said = workspace.succeed("import", "conda-lock.yml", "--name", "app")
    assert "    conda: conda-lock.yml\n" in build_file(workspace)
    assert said.err == ""


def test_conda_lock_with_an_sdist(workspace: Project) -> None:
    write_lock(workspace.root, package("six", manager="pip", url="https://f.example/six-1.0.tar.gz"))
    workspace.succeed("import", "conda-lock.yml", "--name", "app")
    assert build_file(workspace).endswith("    conda: conda-lock.yml\n    sdists: [six]\n")


def test_conda_lock_of_sources_that_changed(workspace: Project) -> None:
    workspace.write({"environment.yml": SOURCE})
    write_lock(workspace.root, package("zlib"), content_hash=content_hash(workspace.root / "environment.yml"))
    workspace.write({"environment.yml": SOURCE.replace("zlib", "zlib >=1.3")})
    assert workspace.fail(2, "import", "conda-lock.yml", "--name", "app").startswith(
        "conda-lock.yml: error: its content hash for `linux-64` is not that of `environment.yml`\n"
    )


def test_conda_lock_without_its_sources(workspace: Project) -> None:
    write_lock(workspace.root, package("zlib"))
    said = workspace.succeed("import", "conda-lock.yml", "--name", "app").err
    assert said == "note: `conda-lock.yml` is not compared with `environment.yml`, which is not there\n"


# MLflow.


def test_mlproject(workspace: Project) -> None:
    workspace.write(
        {
            "ml/MLproject": "name: tutorial\npython_env: env/python_env.yaml\nentry_points: {a: b}\n",
            "ml/env/python_env.yaml": "python: 3.11.9\ndependencies: [-r requirements.txt]\n",
            "ml/env/requirements.txt": "own\n",
        }
    )
    said = workspace.succeed("import", "ml/MLproject").err
    assert said == "note: not imported from `ml/MLproject`: `entry_points`\n"
    assert "    name: tutorial\n" in build_file(workspace)
    assert "    conda: ml/env/python_env.yaml\n" in build_file(workspace)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("docker_env: {image: x}\n", "MLproject:1:1: error: the project runs in a Docker image\n"),
        ("name: x\n", "MLproject:1:1: error: the project states no environment\n"),
        ("conda_env: [x]\n", "MLproject:1:12: error: `conda_env` must be text, not a list\n"),
        ("conda_env: ../../gone.yml\n", "error: `../../gone.yml` is no path in the workspace\n"),
    ],
)
def test_projects_that_are_none(workspace: Project, text: str, said: str) -> None:
    workspace.write({"MLproject": text})
    assert workspace.fail(2, "import", "MLproject").startswith(said)


# What cannot be imported leaves everything as it was: `fail` compares all files.


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"environment.yml": "dependencies: [numpy>=]\n"},
            "environment.yml:1:16: error: `numpy>=` is no MatchSpec",
        ),
        ({"r.txt": "six\n-e .\n"}, "r.txt:2: error: an editable requirement cannot be locked"),
        ({"poetry.lock": ""}, "error: `poetry.lock` is of no kind that is known"),
        (
            {"conda-lock.yml": "version: 1\nmetadata: {}\npackage: []\n"},
            "conda-lock.yml: error: conda-lock does not",
        ),
        ({"BUILD.yaml": "[\n", "r.txt": "six\n"}, "BUILD.yaml:2:1: error: not YAML"),
        ({"BUILD.yaml": "a: b\n", "r.txt": "six\n"}, "error: `BUILD.yaml` is no list of calls"),
        (
            {"BUILD.yaml": "[{environment: {name: x}}]\n", "r.txt": "six\n"},
            "error: nothing can be appended to `BUILD.yaml`",
        ),
    ],
)
def test_files_that_cannot_be_imported(workspace: Project, files: dict[str, str], said: str) -> None:
    workspace.write(files)
    assert workspace.fail(2, "import", list(files)[-1]).startswith(said)


def test_faults_of_all_files_are_told(workspace: Project) -> None:
    workspace.write({"a.yml": "nme: x\n", "r.txt": "-e .\n"})
    said = workspace.fail(2, "import", "a.yml", "r.txt", "gone.txt")
    assert [line.partition(" ")[0] for line in said.splitlines() if "error:" in line] == [
        "a.yml:1:1:",
        "r.txt:1:",
        "error:",
    ]


def test_usage(workspace: Project, tmp_path: Path) -> None:
    outside = tmp_path / "r.txt"
    outside.write_text("six\n")
    workspace.write({"r.txt": "own\n"})
    assert "lies outside of the workspace" in workspace.fail(2, "import", str(outside))
    assert "name files, or an environment by `--prefix`" in workspace.fail(2, "import")
    assert "is no conda environment" in workspace.fail(2, "import", "--prefix", str(tmp_path))
    (tmp_path / "pyvenv.cfg").touch()
    assert "hint: it is a virtual environment" in workspace.fail(2, "import", "--prefix", str(tmp_path))
    said = workspace.fail(2, "import", "r.txt", "--name", "a b")
    assert said == "error: `a b` is no name of a target\nhint: write `--name a-b`\n"
    said = workspace.fail(2, "import", "r.txt", "--base", "//bases:bse")
    assert said == "error: `bases/BUILD.yaml` has no target `bse`\nhint: did you mean `//bases:base`?\n"
    assert "`x y` is not a label" in workspace.fail(2, "import", "r.txt", "--base", "x y")
    assert "`--without` is for `--prefix`" in workspace.fail(2, "import", "r.txt", "--without", "x")
    assert not (workspace.root / "BUILD.yaml").exists()


def test_a_folder_that_can_have_no_targets(workspace: Project) -> None:
    folder = workspace.write({"my env/r.txt": "own\n"}).root / "my env"
    command = [sys.executable, "-m", "envbuild", "import", "r.txt"]
    done = subprocess.run(
        command, cwd=folder, env=workspace.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: the folder `my env` can have no targets\n"
        "hint: rename it: letters, digits and `_.+-` make a name\n"
    )


# An environment that conda made.


@pytest.fixture
def prefix(tmp_path: Path, channel: Channel) -> Path:
    """An environment that rattler has installed from the channel."""
    prefix = tmp_path / "envs" / "made"
    asyncio.run(install(channel, prefix))
    return prefix


async def install(channel: Channel, prefix: Path) -> None:
    from rattler import GenericVirtualPackage, PackageName, Subdir, Version, solve
    from rattler import install as link
    from rattler.package import BuildString

    glibc = GenericVirtualPackage(PackageName("__glibc"), Version("2.36"), BuildString("0"))
    records = await solve(
        sources=[channel.url], specs=["six"], platforms=["linux-64", "noarch"], virtual_packages=[glibc]
    )
    await link(
        records,
        target_prefix=prefix,
        cache_dir=prefix.parent / "cache",
        show_progress=False,
        platform=Subdir("linux-64"),
    )


def put(prefix: Path, name: str, origin: Any = None) -> None:
    """What pip leaves of a package that it installed."""
    folder = prefix / SITE / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\nName: lie\n")
    (folder / "INSTALLER").write_text("pip\n")
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))


def test_a_prefix(workspace: Project, prefix: Path, channel: Channel) -> None:
    put(prefix, "own")
    url = "https://f.example/demo-1.0-py3-none-any.whl"
    put(prefix, "demo", {"url": url, "archive_info": {"hashes": {"sha256": SHA}}})
    state = {"version": 1, "env_vars": {"TOKEN": "hush"}}
    (prefix / "conda-meta/state").write_text(json.dumps(state))
    said = workspace.succeed("import", "--prefix", str(prefix))
    lines = (workspace.root / "made.explicit.txt").read_text().splitlines()
    assert lines[:2] == ["# platform: linux-64", "@EXPLICIT"]
    assert [line.partition("#sha256:")[0].removeprefix(f"{channel.url}/") for line in lines[2:]] == [
        LIB.file,
        PYTHON.file,
        SIX.file,
    ]
    assert all(len(line.partition("#sha256:")[2]) == 64 for line in lines[2:])
    # six is conda's: its record owns the metadata that pip would go by.
    assert (workspace.root / "made.requirements.txt").read_text() == f"demo @ {url}#sha256={SHA}\nown==1.0\n"
    assert "    conda: made.explicit.txt\n    pip: made.requirements.txt\n" in build_file(workspace)
    assert said.err == "note: not imported, as they may be secret: state them under `variables`: `TOKEN`\n"
    assert b"hush" not in b"".join(workspace.contents().values())


def test_a_prefix_locks_to_what_it_is(workspace: Project, prefix: Path, index: FakeIndex) -> None:
    put(prefix, "own")
    workspace.succeed("import", "--prefix", str(prefix))
    build = build_file(workspace)
    bare = '- environment:\n    name: made\n    base: scratch\n    libc: "glibc 2.36"\n'
    rest = build[build.index("    conda:") :]
    (workspace.root / "BUILD.yaml").write_text(bare + rest)
    workspace.succeed("lock", ":made")
    artifacts = workspace.lock("made")["platforms"]["linux/amd64"]["artifacts"]
    assert sorted((each["kind"], each["name"], each["version"]) for each in artifacts) == [
        ("conda", "libfoo", "1.0"),
        ("conda", "python", "3.11.9"),
        ("conda", "six", "1.16.0"),
        ("wheel", "own", "1.0"),
    ]


def test_what_pip_has_from_nowhere_in_a_prefix(workspace: Project, prefix: Path) -> None:
    put(prefix, "edited", {"url": "file:///home/me/edited", "dir_info": {"editable": True}})
    put(prefix, "cloned", {"url": "https://h.example/x", "vcs_info": {"vcs": "git", "commit_id": "1"}})
    put(prefix, "copied", {"url": "file:///home/me/copied-1.0-py3-none-any.whl", "archive_info": {}})
    (prefix / SITE / "old.egg-link").write_text("/home/me/old\n")
    said = workspace.fail(2, "import", "--prefix", str(prefix))
    assert [line for line in said.splitlines() if "error:" in line] == [
        "error: `cloned` was installed from version control: there is nothing to fetch it from",
        "error: `copied` was installed from a file of the machine: there is nothing to fetch it from",
        "error: `edited` was installed from a folder: there is nothing to fetch it from",
        "error: `old` was not installed by pip, or for development: there is nothing to fetch it from",
    ]
    assert "/home/me" not in said
    options = [word for name in ("Edited", "cloned", "copied", "old") for word in ("--without", name)]
    workspace.succeed("import", "--prefix", str(prefix), *options)
    assert not (workspace.root / "made.requirements.txt").exists()
    assert "pip has installed no `gone`" in workspace.fail(
        2, "import", "--prefix", str(prefix), *options, "--without", "gone", "--name", "again"
    )


def test_logins_in_a_prefix_stay_there(workspace: Project, prefix: Path) -> None:
    (record,) = (prefix / "conda-meta").glob("six-*.json")
    told = json.loads(record.read_text())
    told["url"] = "https://me:hush@conda.example/t/hu-sh/forge/noarch/six-1.16.0-0.conda"
    record.write_text(json.dumps(told))
    workspace.succeed("import", "--prefix", str(prefix))
    text = (workspace.root / "made.explicit.txt").read_text()
    assert "https://conda.example/forge/noarch/six-1.16.0-0.conda#sha256:" in text
    assert "hush" not in text
    assert "hu-sh" not in text


@pytest.mark.parametrize("data", [b"[]", b"{", b"[" * 100_000, b'{"url": 1}', b'{"url": "x"}', b"\xff"])
def test_records_that_are_none(workspace: Project, prefix: Path, data: bytes) -> None:
    (prefix / "conda-meta/bad.json").write_bytes(data)
    assert "`conda-meta/bad.json`" in workspace.fail(2, "import", "--prefix", str(prefix))


def test_files_are_not_replaced(workspace: Project, prefix: Path) -> None:
    workspace.write({"made.explicit.txt": "mine\n"})
    assert "`made.explicit.txt` is there already" in workspace.fail(2, "import", "--prefix", str(prefix))
    shutil.rmtree(prefix)
