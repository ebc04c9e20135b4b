"""envbuild.yaml and BUILD.yaml: YAML of any kind, read with its schema, and what was read formatted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.errors import Location
from envbuild.rule.loader import load_rules
from envbuild.spec.build_file import load_build_file
from envbuild.spec.format import format_spec
from envbuild.spec.positions import parse_yaml
from envbuild.spec.problems import Problems
from envbuild.spec.recorder import Unrecorded
from envbuild.spec.schema import Scope, check_attributes
from envbuild.spec.workspace import load_workspace
from tests.makers.documents import documents, read_or_say, words
from tests.makers.mutants import fuzz, mutants

BUILD = [
    {
        "environment": {
            "name": "app",
            "base": ":base",
            "pip": ["six>=1", "r.txt"],
            "wheels": ["w/x-1-py3-none-any.whl"],
            "files": {"a.py": "/app/a.py"},
            "variables": {"A": "1"},
            "platforms": ["linux/amd64"],
            "entrypoint": ["python"],
        }
    },
    {"debian_base": {"name": "base", "suite": "bookworm", "packages": ["dash"], "essential": False}},
]
WORKSPACE = {
    "required_version": ">=0.1",
    "registry": "registry.example/x",
    "plain_http": ["h:5000"],
    "image": "envs/env_{hash}",
    "epoch": 315532800,
    "build": {"jobs": 4, "keep_going": True},
    "sources": [{"index": {"name": "pypi", "url": "https://index.example/simple", "packages": ["a"]}}],
}
BLOCK = b"""- environment:  # the app
    name: app
    pip:
      - six
      - "r.txt"
    entrypoint: |-
      python
    variables: {A: '1', B: "2"}
"""
BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
YAML = st.sampled_from(
    [
        BOMB.encode(),
        b"? " * 50_000,
        b"- " * 50_000,
        b"{" * 100_000,
        b"!!python/object:os.system x",
        b"%YAML 9.9\n---",
    ]
)
PIECES = words(
    *("- ", "environment:", "\n  ", "\n    ", "name: ", "app", ": ", "? ", "#", "{", "}", "[", "'", '"'),
    *(
        "&a ",
        "*a",
        "<<: ",
        "!!set ",
        "|\n",
        ">+2\n",
        "\\x1b",
        "\t",
        "---\n",
        "...",
        "%TAG ! x",
        "\ufeff",
        "\x85",
    ),
)
TEXTS = mutants(BLOCK) | YAML | PIECES.map(lambda text: text.encode(errors="surrogatepass"))
NOBODY = Unrecorded()
RULES = load_rules([], Path(), NOBODY)


def with_file(name: str, data: bytes, read: Callable[[Path], object]) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        read_or_say(lambda: read(Path(folder)))


def read_calls(root: Path) -> None:
    problems = Problems()
    for call in load_build_file(root, "", NOBODY, problems).calls:
        if call.kind in RULES:
            scope = Scope(call.kind, "", Location("BUILD.yaml"))
            check_attributes(call.attributes, RULES[call.kind].attributes, scope, problems)
    problems.raise_if_any()


@fuzz
@given(documents(BUILD) | TEXTS)
def test_a_build_file(data: bytes) -> None:
    with_file("BUILD.yaml", data, read_calls)


@fuzz
@given(documents(WORKSPACE) | TEXTS)
def test_a_workspace_file(data: bytes) -> None:
    with_file("envbuild.yaml", data, lambda root: load_workspace(root, NOBODY))


@fuzz
@given(TEXTS | documents(BUILD))
def test_formatting_refuses_or_keeps_the_meaning(data: bytes) -> None:
    formatted = read_or_say(lambda: format_spec(data, "BUILD.yaml"))
    if formatted is not None:
        assert format_spec(formatted, "BUILD.yaml") == formatted
        assert parse_yaml(formatted, "BUILD.yaml").shape is parse_yaml(data, "BUILD.yaml").shape


def test_files_that_nobody_changed_are_read(tmp_path: Path) -> None:
    (tmp_path / "BUILD.yaml").write_text(json.dumps(BUILD))
    (tmp_path / "envbuild.yaml").write_text(json.dumps(WORKSPACE))
    read_calls(tmp_path)
    assert load_workspace(tmp_path, NOBODY).sources[0].packages == ("a",)
