from __future__ import annotations

import pytest

from envbuild.core.errors import Location
from envbuild.spec.dockerfile.instruction import Dockerfile
from envbuild.spec.dockerfile.parse import parse_dockerfile
from tests.makers.workspace import failures


def parse(text: str) -> Dockerfile:
    return parse_dockerfile(text.encode(), "Dockerfile")


def test_stages() -> None:
    found = parse("ARG V=1\nFROM a AS One\nRUN x\nFROM --platform=linux/amd64 b\nFROM one as two\n")
    assert [argument.words for argument in found.arguments] == [("V=1",)]
    assert [(s.number, s.name, s.image, s.platform) for s in found.stages] == [
        (0, "one", "a", ""),
        (1, "", "b", "linux/amd64"),
        (2, "two", "one", ""),
    ]


def test_an_instruction() -> None:
    (stage,) = parse("FROM a\n\n# c\ncopy --chown=1 --exclude=x --exclude=y \\\n  # c\n  a \\\n b\n").stages
    (copy,) = stage.instructions
    assert (copy.name, copy.words) == ("COPY", ("a", "b"))
    assert dict(copy.flags) == {"chown": ("1",), "exclude": ("x", "y")}
    assert copy.location == Location("Dockerfile", 4)
    assert not copy.is_json


def test_here_documents() -> None:
    text = "FROM a\nCOPY <<one <<-'two' /d/\n$X\none\n\t\tb\n\ttwo\n"
    (copy,) = parse(text).stages[0].instructions
    assert [(h.name, h.text, h.expand) for h in copy.heredocs] == [
        ("one", "$X\n", True),
        ("two", "b\n", False),
    ]


def test_commands_as_lists() -> None:
    run, broken = parse('FROM a\nRUN ["a", "b c"]\nRUN ["a", ]\n').stages[0].instructions
    assert (run.is_json, run.words) == (True, ("a", "b c"))
    # What is no JSON is a command of the shell, as with Docker.
    assert (broken.is_json, broken.words) == (False, ('["a", ]',))


@pytest.mark.parametrize("text", ["# escape=`\n", "# syntax=x\n# escape=`\n", "#ESCAPE = `\n"])
def test_the_escape_directive(text: str) -> None:
    found = parse(f"{text}FROM a\nRUN a `\n b\n")
    assert found.escape == "`"
    assert len(found.stages[0].instructions) == 1


def test_a_directive_below_something_else_is_a_comment() -> None:
    assert parse("\n# x\n# escape=`\nFROM a\n").escape == "\\"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["Dockerfile: this is no Dockerfile: file with no instructions"]),
        ("FROM a\n\nENV A\nRUN b\n", ["Dockerfile:3: this is no Dockerfile: ENV must have two arguments"]),
        (
            "FROM a\nCOPY <<A /x\nb\nA\nCOPY <<B /y\nc\nd\n",
            ["Dockerfile:5: this is no Dockerfile: unterminated heredoc"],
        ),
        (
            "# escape=x\nFROM a\n",
            ["Dockerfile:1: this is no Dockerfile: invalid escape token 'x' does not match ` or \\"],
        ),
        ("FROM a\nENV =x\n", ["Dockerfile:2: `ENV` without a name\nhint: write `ENV name=value`"]),
        ("FROM a\nARG =x\n", ["Dockerfile:2: `ARG` without a name\nhint: write `ARG name=value`"]),
        (
            "FROM a\nCOPY --from b c\n",
            ["Dockerfile:2: `--from` of `COPY` has no value\nhint: write `--from=value`"],
        ),
        ("FROM a\nCOPY --link=so b c\n", ["Dockerfile:2: `--link=so` is neither `true` nor `false`"]),
        ("ARG A\n", ["Dockerfile: a Dockerfile without FROM\nhint: begin with `FROM image`"]),
        ("RUN a\nFROM b\n", ["Dockerfile:1: `RUN` stands before the first FROM"]),
        ("FROM a b\n", ["Dockerfile:1: FROM takes an image, or `image AS name`"]),
        ("FROM a AS 1x\n", ["Dockerfile:1: `1x` is no name of a stage"]),
        (
            "FROM a\nRUM x\n\nCOPY --form=b c d\n",
            [
                "Dockerfile:2: `RUM` is no instruction of a Dockerfile\nhint: did you mean `RUN`?",
                "Dockerfile:4: `COPY` with `--form` is not supported\nhint: did you mean `from`?",
            ],
        ),
        (
            "FROM a\nCOPY --from=b --from=c d e\n",
            ["Dockerfile:2: `COPY` has `--from` twice\nhint: remove one"],
        ),
    ],
)
def test_what_is_refused(text: str, expected: list[str]) -> None:
    assert failures(lambda: parse(text)) == expected


@pytest.mark.parametrize("data", [b"FROM a\nRUN \xff\n", b"FROM a\nRUN \0\n", b"#" * (1 << 20) + b"\n"])
def test_what_is_no_text(data: bytes) -> None:
    (said,) = failures(lambda: parse_dockerfile(data, "Dockerfile"))
    assert said.startswith("Dockerfile: a Dockerfile ")


@pytest.mark.parametrize("text", ["RUN []", 'RUN [""]', "SHELL []", "VOLUME []", "CMD", "ENTRYPOINT"])
def test_what_may_not_be_empty(text: str) -> None:
    """Only lists of CMD and ENTRYPOINT may: they take away what the base states."""
    name = text.partition(" ")[0]
    (said,) = failures(lambda: parse(f"FROM a\n{text}\n"))
    assert said.startswith(f"Dockerfile:2: `{name}` is empty")
