"""Every block of every page says what it is, and is read or run by a test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.__main__ import ROWS
from envbuild.spec.dockerfile.parse import parse_dockerfile
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.workspace import load_workspace
from tests.makers.examples import REPOSITORY
from tests.makers.pages import Block, find_blocks, find_steps
from tests.makers.workspace import write_files

# By their language, what reads or runs the blocks. What a table leaves out there has its reason beside it.
LANGUAGES = {
    "yaml": "here, and cli/test_documentation.py",
    "json": "here, and e2e/test_documentation.py",
    "dockerfile": "here",
    "python": "cli/test_own_rule.py",
    "sh": "here, and unit/cli/test_documentation.py",
    "console": "e2e/test_documentation.py",
    "text": "cli/test_documentation.py",
}
YAML = {block.name: yaml.safe_load(block.text) for block in find_blocks("yaml")}
WORKSPACES = {name: block for name, block in YAML.items() if isinstance(block, dict) and "repos" not in block}
KEYRINGS = {"keys/archive.gpg": "", "keys/mirror.gpg": ""}
HOOKS = {name: block for name, block in YAML.items() if name.startswith("docs/pre-commit.md")}


@pytest.mark.parametrize("block", find_blocks(), ids=lambda block: block.name)
def test_every_block_has_a_language(block: Block) -> None:
    assert block.language in LANGUAGES, f"a block of {block.page} begins\n{block.text[:80]}"


@pytest.mark.parametrize("name", WORKSPACES)
def test_workspaces(name: str, tmp_path: Path) -> None:
    text = yaml.safe_dump(WORKSPACES[name], sort_keys=False)
    write_files(tmp_path, {"envbuild.yaml": text, **KEYRINGS, "build_rules/x.py": ""})
    assert load_workspace(tmp_path, Unrecorded())


def test_hooks(tmp_path: Path) -> None:
    """pre-commit reads the configuration, also with the further hook, and all hooks are offered."""
    config, further = HOOKS.values()
    offered = {hook["id"] for hook in yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())}
    for hooks in (config["repos"][0]["hooks"], further):
        config["repos"][0]["hooks"] = hooks
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "pre_commit", "validate-config", str(tmp_path / "config.yaml")]
        subprocess.run(command, check=True, capture_output=True)
        assert {hook["id"] for hook in hooks} <= offered


@pytest.mark.parametrize("block", find_blocks("json"), ids=lambda block: block.name)
def test_json(block: Block) -> None:
    assert isinstance(json.loads(block.text), dict)


@pytest.mark.parametrize("block", find_blocks("dockerfile"), ids=lambda block: block.name)
def test_dockerfiles(block: Block) -> None:
    read = parse_dockerfile(f"FROM scratch\n{block.text}".encode(), "Dockerfile")
    assert len(read.stages[0].instructions) == len(block.text.splitlines())


@pytest.mark.parametrize("block", find_blocks("sh"), ids=lambda block: block.name)
def test_shells(block: Block) -> None:
    """`make` knows what is to be made, the benchmarks their rows; programs and folders are there."""
    for step in find_steps(block):
        line = step.line.partition(" # ")[0].strip()
        if line.startswith("make "):
            subprocess.run(
                ["bash", "-ec", f"{line} --dry-run"], cwd=REPOSITORY, check=True, capture_output=True
            )
            rows = re.search(r'ROWS="(.*)"', line)
            assert not rows or set(rows[1].split()) <= set(ROWS)
        elif line.startswith("cd "):
            assert (REPOSITORY / line.removeprefix("cd ")).is_dir()
        else:
            # Ours is read by unit/cli/test_documentation.py. Tests and benchmarks take too long here.
            assert line.startswith(
                ("envbuild ", ".venv/bin/python -m pytest ", ".venv/bin/python -m benchmarks ")
            )
