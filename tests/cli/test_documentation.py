"""The pages' build files are read by the real command, and what the pages quote is what it says."""

from __future__ import annotations

from typing import Any

import yaml

from tests.makers.examples import copy_examples
from tests.makers.pages import Block, find_block, find_blocks
from tests.makers.project import Project

# What the pages' targets name beside each other.
FILES: dict[str, str | bytes] = {
    "requirements.in": "six\n",
    "environment.yml": "{channels: [conda-forge], dependencies: [python]}\n",
    "Dockerfile": "FROM base AS final\nARG VERSION\n",
    "wheels/my_custom-1.0-py3-none-any.whl": b"",
    "train.py": "",
    "job.py": "",
    "motd": "",
    "configs/a.yaml": "",
}
BASE = "- debian_base: {name: %s, suite: bookworm, packages: [libc6]}\n"
# What is quoted and not asked for below.
ELSEWHERE = {
    "CONTRIBUTING.md-1": "no words of a command; import-linter checks it",
    "docs/base-images.md-1": "cli/base_images/test_locks.py",
    "docs/debian-base.md-1": "unit/archive/test_maintainer_scripts.py",
}


def targets(block: Block) -> list[dict[str, Any]]:
    """The attributes of a block's targets; none where it is no build file."""
    calls = yaml.safe_load(block.text)
    is_build_file = isinstance(calls, list) and "id" not in calls[0]
    return [attributes for call in calls for attributes in call.values()] if is_build_file else []


def bases(made: list[dict[str, Any]]) -> str:
    """The bases of these names that targets stand on and that are not among them."""
    named = {label for each in made for label in (each.get("base", ""), *each.get("contexts", {}).values())}
    near = {label[1:] for label in named if label.startswith(":")} - {each["name"] for each in made}
    return "".join(BASE % name for name in sorted(near))


def test_build_files(project: Project) -> None:
    """Each is a folder of one workspace. Nothing is wrong with any target, but that it is not locked yet."""
    blocks = {f"page{number}": block for number, block in enumerate(find_blocks("yaml")) if targets(block)}
    project.write(
        {"envbuild.yaml": "rules: [build_rules]\n", "examples/bases/BUILD.yaml": BASE % "python311"}
    )
    project.write({"build_rules/overlay.py": find_block("docs/rules.md", "python")})
    for folder, block in blocks.items():
        project.write({f"{folder}/{name}": content for name, content in FILES.items()})
        project.write({f"{folder}/BUILD.yaml": block.text + bases(targets(block))})
    said = project.fail_as_json(3, "lock", "--check", "//...")["message"].splitlines()
    made = {f"//{folder}:{each['name']}" for folder, block in blocks.items() for each in targets(block)}
    unlocked = {line.removesuffix(" has no lock").strip("`") for line in said}
    # The rule of one's own asks for nothing that could be locked.
    assert made - unlocked == {label for label in made if label.endswith(":branded")}
    assert len(said) == len(unlocked)


def test_faults_of_a_build_file(project: Project) -> None:
    """docs/build-files.md quotes them, with their places."""
    written = "- environment:\n    name: app\n    base: scratch\n    python: 3.10\n    entrypiont: [a]\n"
    project.write({"examples/BUILD.yaml": written})
    assert quoted("docs/build-files.md-1") in project.fail(2, "build", "//examples:all")


def test_a_build_file_that_is_no_yaml(project: Project) -> None:
    """docs/pre-commit.md quotes it."""
    # A bracket that is not closed: the reader stumbles over the next target.
    first, second = (
        "- environment:\n    name: app\n    files: {a: /a\n\n\n\n",
        "- environment:\n    name: b\n",
    )
    project.write({"services/BUILD.yaml": first + second})
    assert quoted("docs/pre-commit.md-3") in project.fail(2, "hook", "format")


def test_a_lock_that_a_commit_leaves_stale(project: Project) -> None:
    """docs/pre-commit.md quotes that, too."""
    spec = "examples/hello/BUILD.yaml"
    written = copy_examples(project).contents()[spec].decode()
    project.write({spec: written.replace('["cowsay==6.1"]', '["cowsay==6.1", rich]')})
    assert project.fail(3, "hook", "lock-check", spec) == quoted("docs/pre-commit.md-1")


def test_what_is_quoted_is_asked_for() -> None:
    asked = {"docs/build-files.md-1", "docs/pre-commit.md-1", "docs/pre-commit.md-3"}
    assert {block.name for block in find_blocks("text")} == {*asked, *ELSEWHERE}


def quoted(name: str) -> str:
    return next(block.text for block in find_blocks("text") if block.name == name)
