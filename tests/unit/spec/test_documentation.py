"""The user pages' own examples are read by what they describe."""

from __future__ import annotations

import re
from pathlib import Path

from envbuild.core.label import Label
from envbuild.core.platform import Platform
from envbuild.rule.loader import load_rules
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.secrets import Secret
from envbuild.spec.settings import BuildSettings, CacheSettings
from envbuild.spec.targets import Targets
from envbuild.spec.workspace import load_workspace
from tests.makers.workspace import write_files

DOCS = Path(__file__).parents[3] / "docs"


def example(page: str) -> str:
    """The first YAML block of a page."""
    block = re.search(r"^```yaml\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    assert block
    return block[1]


def test_workspace_page(tmp_path: Path) -> None:
    write_files(
        tmp_path, {"envbuild.yaml": example("workspace.md"), "keys/archive.gpg": "", "build_rules/x.py": ""}
    )
    workspace = load_workspace(tmp_path, Unrecorded())
    aliases = [source.alias for source in workspace.sources]
    assert aliases == ["ours", "pypi", "conda-forge", "debian", "corp"]
    secrets = {"token": Secret("token", variable="TOKEN")}
    assert workspace.build == BuildSettings(4, True, "sandbox", 30 * 60, 4 * 10**9, 1000, secrets)
    assert workspace.cache == CacheSettings(max_size=50 * 10**9, max_age=30 * 86_400)


def test_build_files_page(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "BUILD.yaml": example("build-files.md"),
            "requirements.in": "six\n",
            "wheels/my_custom-1.0-py3-none-any.whl": "",
            "train.py": "",
            "configs/a.yaml": "",
        },
    )
    schemas = {name: rule.attributes for name, rule in load_rules((), tmp_path, Unrecorded()).items()}
    target = Targets(tmp_path, schemas, Unrecorded()).target(Label("", "train"))
    assert target.attributes["platforms"] == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert [entry.destination for entry in target.attributes["files"]] == [
        "/app/configs/a.yaml",
        "/app/train.py",
    ]


def test_dockerfile_page(tmp_path: Path) -> None:
    base = "- debian_base: {name: python311, suite: bookworm, packages: [dash]}\n"
    files = {"BUILD.yaml": example("dockerfile.md") + base, "envbuild.yaml": "{}\n"}
    write_files(tmp_path, {**files, "Dockerfile": "FROM base AS final\nARG VERSION\n"})
    schemas = {name: rule.attributes for name, rule in load_rules((), tmp_path, Unrecorded()).items()}
    target = Targets(tmp_path, schemas, Unrecorded()).target(Label("", "tool"))
    assert target.dependencies == (Label("", "python311"),)
    assert target.attributes["target"] == "final"
