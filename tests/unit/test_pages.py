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
from envbuild.rule.loader import load_rules
from envbuild.spec.dockerfile.parse import parse_dockerfile
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.workspace import load_workspace
from tests.makers.examples import REPOSITORY
from tests.makers.pages import PAGES, Block, find_blocks, find_steps, read_page
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
PAGES_OF_RULES = {
    "environment": "docs/environment.md",
    "debian_base": "docs/debian-base.md",
    "base_image": "docs/base-images.md",
    "dockerfile_image": "docs/dockerfile.md",
}
_ATTRIBUTES = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)
_VARIABLE = re.compile(r"ENVBUILD_[A-Z]+(?:_[A-Z]+)*")
OF_THE_TESTS = {
    *("ENVBUILD_CONDA_DATA", "ENVBUILD_CONDA_PACKAGES", "ENVBUILD_FUZZ", "ENVBUILD_KILLS"),
    *("ENVBUILD_KILLS_SEED", "ENVBUILD_REQUIRE_SERVICES"),
}


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


def test_every_attribute_is_on_its_rule_s_page() -> None:
    rules = load_rules((), REPOSITORY, Unrecorded())
    assert rules.keys() == PAGES_OF_RULES.keys()
    for name, rule in rules.items():
        page = read_page(PAGES_OF_RULES[name])
        told = {each for row in _ATTRIBUTES.findall(page) for each in re.findall(r"`(\w+)`", row)}
        assert told <= rule.attributes.keys()
        # All rules have it: docs/build-files.md.
        silent = {each for each in rule.attributes if not re.search(rf"`{each}`|\b{each}:", page)}
        assert silent <= {"platforms"}, name


def test_variables_are_those_that_are_read() -> None:
    pages = "".join(map(read_page, PAGES))
    code = "".join(path.read_text() for path in (REPOSITORY / "envbuild").rglob("*.py"))
    assert set(_VARIABLE.findall(pages)) - OF_THE_TESTS == set(_VARIABLE.findall(code))
