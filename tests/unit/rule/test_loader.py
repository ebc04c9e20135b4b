from __future__ import annotations

from pathlib import Path

from envbuild.core.platform import Platform
from envbuild.rule.kind import Rule
from envbuild.rule.loader import load_rules, shipped_folder
from envbuild.spec.attribute import Kind
from envbuild.spec.recorder import Unrecorded
from tests.makers.workspace import Looks, failures, write_files

RULE = '''\
"""A module of rules."""
from dataclasses import dataclass
from envbuild.rule import Context, Image, attr, rule


@dataclass
class Thing:
    name: "str"


@rule(attributes={"team": attr.text(required=True, doc="who")})
def overlay(ctx: Context) -> Image:
    """Files on top."""
    return ctx.image([])
'''


def load(root: Path, files: dict[str, str | bytes]) -> dict[str, Rule]:
    write_files(root, files)
    folders = sorted({root / name.partition("/")[0] for name in files})
    return dict(load_rules(folders, root, Unrecorded()))


def fails(root: Path, files: dict[str, str | bytes]) -> list[str]:
    return failures(lambda: load(root, files))


def test_the_rules_that_ship(tmp_path: Path) -> None:
    rules = load_rules((), tmp_path, Unrecorded())
    assert set(rules) == {"base_image", "debian_base", "dockerfile_image", "environment"}
    for rule in rules.values():
        assert rule.doc
        assert all(attribute.doc for attribute in rule.attributes.values())


def test_a_workspace_s_own_rule(tmp_path: Path) -> None:
    rule = load(tmp_path, {"own/overlay.py": RULE})["overlay"]
    assert (rule.name, rule.doc, rule.question) == ("overlay", "Files on top.", None)
    assert rule.attributes["team"].required
    # What every target may state, whatever its rule.
    assert rule.attributes["platforms"].kind is Kind.PLATFORMS
    assert rule.attributes["platforms"].default == (Platform("linux", "amd64"),)


def test_loading_leaves_nothing_behind(tmp_path: Path) -> None:
    load(tmp_path, {"own/overlay.py": RULE})
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["overlay.py"]


def test_an_imported_rule_is_another_module_s(tmp_path: Path) -> None:
    """And a file that begins with `_` is no rule module."""
    second = RULE.replace("overlay", "second") + "\nagain = second\n"
    rules = load(tmp_path, {"own/a.py": RULE, "other/a.py": second, "own/_draft.py": "this is no Python"})
    assert {"overlay", "second"} <= set(rules)


def test_what_was_read_is_recorded(tmp_path: Path) -> None:
    """A new rule file changes answers as much as an edited one."""
    write_files(tmp_path, {"own/overlay.py": RULE})
    looks = Looks(tmp_path)
    load_rules([tmp_path / "own"], tmp_path, looks)
    assert looks.names == ["own", "own/overlay.py"]


def test_a_name_used_twice(tmp_path: Path) -> None:
    assert fails(tmp_path, {"one/x.py": RULE, "two/y.py": "\n" + RULE}) == [
        "two/y.py:12: a second rule `overlay`\nhint: rename it: the first one is at one/x.py:11"
    ]
    (error,) = fails(tmp_path / "shipped", {"one/x.py": RULE.replace("overlay", "environment")})
    assert error.startswith("one/x.py:11: a second rule `environment`\nhint: rename it: the first one is at ")


def test_modules_that_fail(tmp_path: Path) -> None:
    assert fails(tmp_path / "1", {"own/x.py": "a = 1\nb = = 2\n"}) == [
        "own/x.py:2:5: not Python: invalid syntax"
    ]
    assert fails(tmp_path / "2", {"own/x.py": "\nimport no_such_module\n"}) == [
        "own/x.py:2: the rule module failed: ModuleNotFoundError: No module named 'no_such_module'"
    ]
    assert fails(tmp_path / "3", {"own/x.py": "def f():\n    return {}['x']\n\nf()\n"}) == [
        "own/x.py:2: the rule module failed: KeyError: 'x'"
    ]
    taken = "from envbuild.rule import attr, rule\nrule(\n    attributes={'name': attr.text()},\n)\n"
    assert fails(tmp_path / "4", {"own/x.py": taken}) == [
        "own/x.py:2: every rule has the attribute `name` already\nhint: choose another name"
    ]


def test_a_folder_without_rules(tmp_path: Path) -> None:
    assert fails(tmp_path, {"own/notes.txt": ""}) == [
        "the folder `own` holds no rule\nhint: define one with `@rule(...)` in a Python file there"
    ]


def test_shipped_rules_use_only_the_public_api() -> None:
    for path in shipped_folder().glob("*.py"):
        imports = [line for line in path.read_text().splitlines() if line.startswith(("from ", "import "))]
        foreign = [
            line for line in imports if not line.startswith(("from __future__", "from envbuild.rule import"))
        ]
        assert all(
            line.startswith(("from collections", "from dataclasses", "import re")) for line in foreign
        ), path.name
