"""The same answers as git's own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from envbuild.spec.gitignore import is_ignored, parse_rules
from tests.makers.workspace import failures

NAMES = ["a", "b", "ab", "a.b", "#a", "!a", "a ", "[", "-", "]", "^"]
PATHS = [
    "/".join(parts)
    for parts in [[x] for x in NAMES]
    + [[x, y] for x in NAMES[:4] for y in NAMES[:6]]
    + [[x, y, z] for x in "ab" for y in ("a", "ab") for z in NAMES[:4]]
]


def ask_us(text: str, path: str) -> bool:
    """As a walk asks: folder by folder, and not below an ignored one."""
    rules = parse_rules(text, ".envbuildignore")
    parts = path.split("/")
    folders = ["/".join(parts[:n]) for n in range(1, len(parts))]
    below_ignored = any(is_ignored(rules, folder, is_folder=True) for folder in folders)
    return below_ignored or is_ignored(rules, path, is_folder=False)


def ask_git(repository: Path, text: str) -> set[str]:
    (repository / ".gitignore").write_bytes(text.encode())
    asked = "\0".join(PATHS).encode()
    command = ["git", "-C", str(repository), "check-ignore", "--no-index", "-z", "--stdin"]
    answer = subprocess.run(command, input=asked, capture_output=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr
    return set(filter(None, answer.stdout.decode().split("\0")))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "/a",
        "a/",
        "a/b",
        "/a/",
        "*",
        "*.b",
        "a*b",
        "?",
        "**",
        "**/",
        "**/b",
        "a/**",
        "a/**/b",
        "/**\n!a",
        "a**b",
        "*\n!*/\n!b",
        "/*\n!/a/",
        "a/\n!a/b",
        "a/*\n!a/b",
        "# a comment\n\n   \n",
        "\\#a",
        "\\!a",
        "a\\ ",
        "a   ",
        "a\r\nb\r\n",
        "[ab]",
        "[!a]",
        "[^a]",
        "[]-]",
        "[a-b][.]b",
        "[[]",
        "\\[",
        "[\\]]",
        "a[/]b",
        "!a",
    ],
)
def test_patterns(repository: Path, text: str) -> None:
    assert {path for path in PATHS if ask_us(text, path)} == ask_git(repository, text)


words = st.sampled_from(
    ["a", "b", "ab", "*", "?", "**", "[ab]", "[!a]", ".", "/", "/**/", "!", "#", " ", "\\#"]
)
lines = st.lists(words, min_size=1, max_size=5).map("".join)


@given(st.lists(lines, max_size=4).map("\n".join))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_patterns(repository: Path, text: str) -> None:
    # git cuts the literal beginning off a pattern with a slash, and takes stars behind it for a `**`
    # of their own (`a**/b` matches `ab/x/b`), which its documentation rules out.
    assume(not re.search(r"[^/\n]\*\*", text))
    assert {path for path in PATHS if ask_us(text, path)} == ask_git(repository, text)


def test_what_is_not_supported_is_told() -> None:
    assert failures(lambda: parse_rules("a\n[[:alpha:]]", "f")) == [
        "f:2: `[[:alpha:]]` is no pattern: classes such as [:alpha:] are not supported"
    ]
