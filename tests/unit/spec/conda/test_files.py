"""Which files a `conda` attribute rests on, whatever stands in them."""

from __future__ import annotations

import os
from pathlib import Path

from envbuild.spec.conda.files import find_conda_files
from envbuild.spec.positions import parse_yaml
from envbuild.spec.requirement_files import RequirementFiles
from tests.makers.conda_spec import HERE
from tests.makers.workspace import write_files


def find(root: Path, *files: str) -> set[str]:
    found = find_conda_files([(file, HERE) for file in files], str(root / "app"), RequirementFiles())
    return {os.path.relpath(path, root) for path in found}


def test_files_of_pip_sections_count(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "envs/environment.yml": """\
                dependencies:
                - python
                - pip:
                  - -r requirements.txt
                  - ./own-1.0-py3-none-any.whl
                """,
            "envs/requirements.txt": "-c ../bounds.txt\n",
            "app/python_env.yaml": "dependencies: [-r more.txt]\n",
            "app/broken.yml": "[",
        },
    )
    assert find(tmp_path, "../envs/environment.yml") == {
        "envs/environment.yml",
        "envs/requirements.txt",
        "envs/own-1.0-py3-none-any.whl",
        "bounds.txt",
    }
    assert find(
        tmp_path, "python_env.yaml", "gone.yml", "linux.txt", "conda-lock.yml[dev]", "broken.yml"
    ) == {
        "app/python_env.yaml",
        "app/more.txt",
        "app/gone.yml",
        "app/linux.txt",
        "app/conda-lock.yml",
        "app/broken.yml",
    }


def test_in_place(tmp_path: Path) -> None:
    document = parse_yaml(b"dependencies: [{pip: [-r r.txt]}]", "BUILD.yaml")
    assert set(find_conda_files(document, str(tmp_path), RequirementFiles())) == {str(tmp_path / "r.txt")}
