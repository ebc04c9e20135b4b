"""`envbuild import`: what other tools wrote, as targets of BUILD.yaml that lock and build."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.imports.conftest import BASE, build_file
from tests.makers.project import Project


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
