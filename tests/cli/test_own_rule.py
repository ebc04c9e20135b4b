"""A workspace's own rule: the one that docs/rules.md shows, and ones that fail."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"


def documented(language: str, containing: str) -> str:
    """The code block of the page that holds this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (block,) = [each for each in blocks if containing in each]
    return str(block)


def test_the_documented_rule(project: Project, index: FakeIndex) -> None:
    index.add(make_package("alpha"))
    sources = project.contents()["envbuild.yaml"].decode()
    project.write(
        {
            "envbuild.yaml": sources + documented("yaml", "rules:"),
            "build_rules/overlay.py": documented("python", "def overlay"),
            "BUILD.yaml": environment("train", pip=["alpha"]) + documented("yaml", "- overlay:"),
            "motd": "welcome\n",
        }
    )
    project.succeed("lock", "//...")
    branded, train = project.succeed("build", "//...", "--output", "json").json["targets"]
    assert (branded["label"], branded["status"]) == ("//:branded", "built")
    (image,) = branded["platforms"]
    assert image["layers"][:-1] == train["platforms"][0]["layers"]
    assert image["layers"][-1]["packages"] == ["overlay"]
    manifest = json.loads((project.cache / "blobs" / image["digest"].replace(":", "/")).read_bytes())
    config = json.loads(
        (project.cache / "blobs" / manifest["config"]["digest"].replace(":", "/")).read_bytes()
    )
    assert config["config"]["Labels"] == {"team": "forecasting"}
    assert project.succeed("query", "kind(overlay, //...)").out == "//:branded\n"
    # It has nothing to lock, and leaves no bytecode behind.
    assert not (project.root / "branded.lock.json").exists()
    assert [path.name for path in (project.root / "build_rules").iterdir()] == ["overlay.py"]
    # A rule's source is in no digest, what it declares is.
    rule = project.root / "build_rules" / "overlay.py"
    rule.write_text("# A comment.\n" + rule.read_text())
    assert project.succeed("build", ":branded", "--output", "json").target["image"] == branded["image"]
    rule.write_text(rule.read_text().replace('{"team":', '{"squad":'))
    assert project.succeed("build", ":branded", "--output", "json").target["image"] != branded["image"]


def test_attributes_are_checked(project: Project) -> None:
    project.write(
        {
            "envbuild.yaml": "rules: [build_rules]\n",
            "build_rules/overlay.py": documented("python", "def overlay"),
            "BUILD.yaml": '- overlay: {name: branded, base: ":train", file: {}}\n',
        }
    )
    error = project.fail(2, "build")
    assert "BUILD.yaml:1:44: error: `overlay` has no attribute `file`\nhint: did you mean `files`?\n" in error
    assert "BUILD.yaml:1:3: error: `overlay` lacks the attribute `team`\n" in error


HEAD = "from envbuild.rule import Image, attr, rule\n\n\n@rule(attributes={})\ndef thing(ctx):\n    "


@pytest.mark.parametrize(
    ("source", "text", "hint"),
    [
        ("def thing(:\n", "build_rules/thing.py:1:11: error: not Python: invalid syntax", ""),
        (
            "nowhere\n",
            "build_rules/thing.py:1: error: the rule module failed: NameError: name 'nowhere' is not defined",
            "",
        ),
        (
            HEAD + 'return {}["gone"]\n',
            "build_rules/thing.py:6: error: `//:app`: the rule `thing` failed: KeyError: 'gone'",
            "",
        ),
        (
            HEAD + "pass\n",
            "build_rules/thing.py:4: error: `//:app`: the rule `thing` returned no image",
            "return `ctx.image(...)`",
        ),
        (
            HEAD + 'raise ctx.fail("it is too late", hint="come earlier")\n',
            "BUILD.yaml:1:3: error: `//:app`: it is too late",
            "come earlier",
        ),
        (
            "x = 1\n",
            "error: the folder `build_rules` holds no rule",
            "define one with `@rule(...)` in a Python file there",
        ),
    ],
)
def test_rules_that_fail(project: Project, source: str, text: str, hint: str) -> None:
    project.write(
        {
            "envbuild.yaml": "rules: [build_rules]\n",
            "build_rules/thing.py": source,
            "BUILD.yaml": "- thing: {name: app}\n",
        }
    )
    assert project.fail(2, "build") == f"{text}\n" + (f"hint: {hint}\n" if hint else "")


# The question is asked when locking: a fault in it is no bug of ours either.
def test_question_that_fails(project: Project) -> None:
    source = (
        "from envbuild.rule import Image, attr, rule\n\n\n"
        "@rule(attributes={}, question=lambda ctx: 1 / 0)\n"
        "def thing(ctx):\n    return ctx.image([])\n"
    )
    project.write(
        {
            "envbuild.yaml": "rules: [build_rules]\n",
            "build_rules/thing.py": source,
            "BUILD.yaml": "- thing: {name: app}\n",
        }
    )
    expected = "build_rules/thing.py:4: error: `//:app`: the rule `thing` failed: "
    assert project.fail(2, "lock") == f"{expected}ZeroDivisionError: division by zero\n"


def test_folder_that_is_not_there(project: Project) -> None:
    project.write({"envbuild.yaml": "rules: [build_rules]\n"})
    error = "envbuild.yaml:1:9: error: there is no folder `build_rules`\nhint: check the path\n"
    assert project.fail(2, "build") == error


PURE_HEAD = HEAD.replace("Image", "Config")


@pytest.mark.parametrize(
    ("use", "text"),
    [
        ("open('secret.txt').read()", "`open` of `secret.txt`"),
        ("__import__('os').listdir('.')", "`os.listdir` of `.`"),
        ("__import__('os').system('true')", "`os.system` of `true`"),
        ("__import__('subprocess').run(['true'])", "`subprocess.Popen` of `true`"),
        ("__import__('socket').create_connection(('127.0.0.1', 9))", "`socket."),
        ("__import__('urllib.request', fromlist=['x']).urlopen('http://127.0.0.1:9/')", "`socket."),
    ],
)
@pytest.mark.parametrize("caught", [False, True])
def test_rules_that_use_what_is_not_declared(project: Project, use: str, text: str, caught: bool) -> None:
    body = f"try:\n        {use}\n    except BaseException: pass\n    " if caught else f"{use}\n    "
    project.write(
        {
            "envbuild.yaml": "rules: [build_rules]\n",
            "build_rules/thing.py": f"{PURE_HEAD}{body}return ctx.image([], Config())\n",
            "BUILD.yaml": "- thing: {name: app}\n",
            "secret.txt": "content",
        }
    )
    error = project.fail(2, "build")
    line = 4 if caught else 6  # where the rule begins, or what it does
    assert error.startswith(f"build_rules/thing.py:{line}: error: `//:app`: the rule `thing` used {text}")
    assert "a rule only declares\nhint: take files as attributes" in error


def test_modules_may_be_imported_late(project: Project) -> None:
    project.write(
        {
            "envbuild.yaml": "rules: [build_rules]\n",
            "build_rules/thing.py": f"{PURE_HEAD}import wave\n    return ctx.image([], Config())\n",
            "BUILD.yaml": "- thing: {name: app}\n",
        }
    )
    assert project.succeed("query", "//...").out == "//:app\n"
    project.succeed("aquery")
