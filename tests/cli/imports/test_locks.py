"""`envbuild import` of what other tools have locked: pylock.toml and conda-lock.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.imports.conftest import OTHER, SHA, build_file
from tests.makers.conda_lock import package, write_lock
from tests.makers.project import Project

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


def test_pylock_with_an_sdist_at_a_url(workspace: Project) -> None:
    url = "https://f.example/x-1.tar.gz"
    head = 'lock-version = "1.0"\ncreated-by = "a tool"\n[[packages]]\nname = "x"\n'
    archive = f'archive = {{url = "{url}", hashes = {{sha256 = "{SHA}"}}}}\n'
    workspace.write({"pylock.toml": head + archive})
    workspace.succeed("import", "pylock.toml", "--name", "app")
    assert build_file(workspace).endswith("    pip: app.requirements.txt\n    sdists: [x]\n")
    assert (workspace.root / "app.requirements.txt").read_text() == f"x @ {url}#sha256={SHA}\n"


def test_a_python_that_the_base_would_not_have(workspace: Project) -> None:
    text = 'lock-version = "1.0"\nrequires-python = ">=3.12"\ncreated-by = "a tool"\npackages = []\n'
    workspace.write({"pylock.dev.toml": text})
    assert "it is for Python `>=3.12`" in workspace.fail(2, "import", "pylock.dev.toml")
    workspace.succeed("import", "pylock.dev.toml", "--base", "//bases:base")


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
