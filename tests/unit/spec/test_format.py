"""Formatting: what it settles, what it leaves alone, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from envbuild.cli.init import FILES
from envbuild.spec.format import format_spec
from tests.makers.workspace import failures

EXAMPLES = sorted(Path(__file__).parents[3].glob("examples/*/BUILD.yaml"))


def formatted(text: str) -> str:
    """A text in its form, which is the form of itself."""
    once = format_spec(text.encode(), "BUILD.yaml")
    assert format_spec(once, "BUILD.yaml") == once
    return once.decode()


def test_a_build_file() -> None:
    """All at once: indentation, spaces, blank lines, and comments that stay with what they are about."""
    text = """

        # What this file is about


        -   environment:
              name:   app     # its name
              pip: [ numpy,scipy , "six" ]
              platforms:
              - linux/amd64
              -   linux/arm64
              # Where things go.
              files: {a.py : /app/a.py,  "b/**": /b }

              # wheels: [mine.whl]
        - debian_base:
            name: base
            packages: [
              python3.11-minimal,

              # For Python
              libstdc++6,
                ]
    """
    assert formatted(dedent(text)) == dedent(
        """\
        # What this file is about

        - environment:
            name: app     # its name
            pip: [numpy, scipy, "six"]
            platforms:
              - linux/amd64
              - linux/arm64
            # Where things go.
            files: {a.py: /app/a.py, "b/**": /b}

            # wheels: [mine.whl]

        - debian_base:
            name: base
            packages: [
              python3.11-minimal,

              # For Python
              libstdc++6,
            ]
        """
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_our_own_examples_are_in_their_form(path: Path) -> None:
    assert format_spec(path.read_bytes(), path.name) == path.read_bytes()


def test_what_init_writes_is_in_its_form() -> None:
    for name in ("BUILD.yaml", "envbuild.yaml"):
        assert formatted(FILES[name]) == FILES[name]


SETTLED = {
    "a comment on the next call goes with it": (
        "- a: {name: x}\n# about b\n- b: {name: y}\n",
        "- a: {name: x}\n\n# about b\n- b: {name: y}\n",
    ),
    "a comment with an empty line behind it is about neither": (
        "- a: {name: x}\n# apart\n\n- b: {name: y}\n",
        "- a: {name: x}\n# apart\n\n- b: {name: y}\n",
    ),
    "a comment out of place goes where the next line is": (
        "- a:\n# about x\n      name: x\n",
        "- a:\n    # about x\n    name: x\n",
    ),
    "a comment behind the last line of a list": (
        "- a:\n    list:\n    - x\n    # - y\n    name: n\n",
        "- a:\n    list:\n      - x\n    # - y\n    name: n\n",
    ),
    "keys of a workspace file are not drawn apart": ("a: 1\nb: 2\n\n\n\nc: 3\n", "a: 1\nb: 2\n\nc: 3\n"),
    "line ends of Windows": ("a: 1\r\n# c\r\nb: 2\r\n", "a: 1\n# c\nb: 2\n"),
    "a byte order mark": ("\ufeffa: 1\n", "a: 1\n"),
    "a tab between values": ("a:\t1\t# c\n", "a: 1 # c\n"),
    "an empty file": ("", ""),
    "nothing but comments": ("\n\n# a\n\n\n# b\n\n", "# a\n\n# b\n"),
    "a document's marks": ("---\n-   a: {}\n...\n", "---\n- a: {}\n...\n"),
    "stated keys": ("?   a\n:   b\n", "? a\n: b\n"),
    "lists in lists": ("a:\n-   - x\n    -   y\n", "a:\n  - - x\n    - y\n"),
    "a value on its own line": ("a:\n        b\n", "a:\n  b\n"),
    "plain texts of several lines": ("a: one\n      two\n\n   three\n", "a: one\n  two\n\n  three\n"),
    "quoted texts of several lines": ('a: "x\\\n     y\n\n z "\n', 'a: "x\\\n  y\n\n  z "\n'),
    "an unclosed last line": ("a: [1]", "a: [1]\n"),
}


@pytest.mark.parametrize(("text", "expected"), SETTLED.values(), ids=SETTLED.keys())
def test_what_is_settled(text: str, expected: str) -> None:
    assert formatted(text) == expected


LEFT = [
    # The order of keys, quotes, brackets, and where lines are broken are the author's.
    "b: 'x'\na: \"y\"\nc: z\n",
    "a: [\n  1, 2,\n  3\n]\n",
    "a: {\n  b: [1, {c: d}]}\n",
    # Aligned comments stay aligned.
    "a: 1      # one\nbcd: 2    # two\n",
    # Without the space, this would be another text.
    "a: {b: , c: }\n",
]


@pytest.mark.parametrize("text", LEFT)
def test_what_is_left_alone(text: str) -> None:
    assert formatted(text) == text


BLOCKS = {
    "a deeper text": ("a: |\n      x\n        y\n\n\nb: 1\n", "a: |\n  x\n    y\n\nb: 1\n"),
    "stated indentation counts from its key": ("- a: >2\n      x\n", "- a: >2\n      x\n"),
    "kept empty lines are text": ("- a: |+\n    x\n\n\n- b: 1\n", "- a: |+\n    x\n\n\n- b: 1\n"),
    "a comment after kept lines": ("a: |+\n x\n\n\n# c\n\n\nb: 1\n", "a: |+\n  x\n\n\n# c\n\nb: 1\n"),
    "a line of spaces that is text": ("a: |\n  x\n     \nb: 1\n", "a: |\n  x\n     \nb: 1\n"),
    "a comment beside the mark": ("a:   |  # c\n x\n", "a: |  # c\n  x\n"),
    "no line end at the file's end, which would be text": ("a: |\n x", "a: |-\n  x\n"),
    "the same where lines are kept": ("a: |+\n x", "a: |-\n  x\n"),
    "other line ends of Unicode": ("a: |\n   x\u2028   y\n", "a: |\n  x\u2028  y\n"),
}


@pytest.mark.parametrize(("text", "expected"), BLOCKS.values(), ids=BLOCKS.keys())
def test_texts_below_a_mark(text: str, expected: str) -> None:
    assert formatted(text) == expected


REFUSED = {
    "- a: {name: x\n- b\n": "BUILD.yaml:3:1: not YAML: while parsing a flow mapping did not find",
    "a: 1\na: 2\n": "BUILD.yaml:2:1: duplicate key `a`",
    "a: &x 1\nb: *x\n": "BUILD.yaml:1:4: anchors and aliases are not supported",
    "a:\n\t- b\n": "BUILD.yaml:2:1: not YAML: while scanning for the next token",
    "just text\n": "BUILD.yaml:1:1: this is only text\nhint: write a list of calls, or a mapping",
    "a: 1\n---\nb: 2\n": "BUILD.yaml:2:1: a second document",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_what_cannot_be_parsed_is_refused_with_its_place(text: str, message: str) -> None:
    first = failures(lambda: format_spec(text.encode(), "BUILD.yaml"))[0]
    assert first.startswith(message)
