from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.core.errors import EnvbuildError
from envbuild.spec.positions import MAX_BYTES, MAX_DEPTH, Shape, Value, parse_yaml
from tests.makers.workspace import failures


def parse(text: str) -> Value:
    return parse_yaml(text.encode(), "f.yaml")


def fails(text: str) -> list[str]:
    return failures(lambda: parse(text))


def test_a_label_without_quotes_in_brackets() -> None:
    (error,) = fails("{base: :python}")
    assert error.splitlines() == [
        "f.yaml:1:8: not YAML: while parsing a flow node did not find expected node content",
        'hint: quote text that begins with a colon: `":name"`',
    ]


def test_values_and_keys_know_their_places() -> None:
    document = parse("a: 1\nb:\n  - x\n  - {c: 'y'}\n")
    b = document.entries["b"]
    inner = b.value.items[1].entries["c"]
    assert str(document.entries["a"].value.location) == "f.yaml:1:4"
    assert (str(b.key), str(b.value.location)) == ("f.yaml:2:1", "f.yaml:3:3")
    assert (str(inner.key), str(inner.value.location), inner.value.text) == ("f.yaml:4:6", "f.yaml:4:9", "y")


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("3.10", Shape.NUMBER),
        ('"3.10"', Shape.TEXT),
        ("3", Shape.INTEGER),
        ("-3", Shape.INTEGER),
        ("010", Shape.NUMBER),  # octal in YAML 1.1, decimal in 1.2: neither is meant
        ("0x10", Shape.NUMBER),
        ("1_000", Shape.NUMBER),
        ("1:30", Shape.NUMBER),  # base 60 in YAML 1.1
        ("no", Shape.BOOLEAN),  # Norway
        ("true", Shape.BOOLEAN),
        ("~", Shape.NULL),
        ("2024-01-01", Shape.TEXT),  # a date is of use to nobody here
        ("<<", Shape.TEXT),
        ("plain", Shape.TEXT),
        ("[]", Shape.LIST),
        ("{}", Shape.MAPPING),
        ("|\n 3.10", Shape.TEXT),
        ("", Shape.NULL),
        ("# nothing", Shape.NULL),
    ],
)
def test_what_a_scalar_is(text: str, shape: Shape) -> None:
    assert parse(text).shape is shape


def test_a_byte_order_mark_is_no_text() -> None:
    assert parse_yaml(b"\xef\xbb\xbfa: b", "f.yaml").entries["a"].value.text == "b"


def test_all_faults_that_leave_the_document_readable_are_told() -> None:
    assert fails("a: &x 1\nb: *x\na: 2\nc: !!str d\n3.11: e\n[f]: g\nyes: h\n") == [
        "f.yaml:1:4: anchors and aliases are not supported\nhint: write the value out",
        "f.yaml:2:4: anchors and aliases are not supported\nhint: write the value out",
        "f.yaml:3:1: duplicate key `a`\nhint: the first one is at f.yaml:1:1",
        "f.yaml:4:4: tags are not supported\nhint: remove it",
        'f.yaml:5:1: a key is text, not a number\nhint: quote it: `"3.11"`',
        "f.yaml:6:1: a key is text, not a list",
        'f.yaml:7:1: a key is text, not a boolean\nhint: quote it: `"yes"`',
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [1\n", "f.yaml:2:1: not YAML: while parsing a flow sequence did not find expected ',' or ']'"),
        ("a: b: c", "f.yaml:1:5: not YAML: mapping values are not allowed in this context"),
        ("é: \x01", "f.yaml:1:4: a control character\nhint: remove it"),
        ("\ufeff\ufeffa", "f.yaml:1:1: a second byte order mark\nhint: remove it"),
        (
            '{"a\\nb": 1, "a\\nb": 2}',
            r"f.yaml:1:13: duplicate key `a\nb`" + "\nhint: the first one is at f.yaml:1:2",
        ),
        ("a\n--- b", "f.yaml:2:1: a second document\nhint: remove the `---`"),
    ],
)
def test_text_that_is_no_document(text: str, error: str) -> None:
    assert fails(text) == [error]


def test_a_tab_gets_a_hint() -> None:
    (error,) = fails("a:\n\tb: 1")
    assert error.startswith("f.yaml:2:1: not YAML: while scanning for the next token found character that")
    assert error.endswith("hint: indent with spaces, and quote text that begins with a special character")


def test_bytes_that_are_no_text() -> None:
    wrong = b"a: b\nc: \xff"
    (error,) = failures(lambda: parse_yaml(wrong, "f.yaml"))
    assert error == "f.yaml:2:4: the file is not UTF-8\nhint: save it as UTF-8"


def test_nesting_is_bounded() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH).shape is Shape.LIST
    deep = MAX_DEPTH + 1
    expected = f"f.yaml:1:{deep}: nested deeper than {MAX_DEPTH} levels"
    assert fails("[" * deep + "]" * deep) == [expected]
    # Deep enough to end a recursive parser.
    assert fails("[" * 200_000) == [expected]


def test_size_is_bounded() -> None:
    error = f"f.yaml: the file is larger than {MAX_BYTES} bytes"
    assert failures(lambda: parse_yaml(b" " * (MAX_BYTES + 1), "f.yaml")) == [error]


def test_aliases_do_not_multiply() -> None:
    """The "billion laughs": each line would double what the last one holds."""
    lines = ["a0: &a0 x"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert len(fails("\n".join(lines))) == 40 + 2 * 39


@given(
    st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!'\"\n \t#|>%@`,?~0", max_size=80).map(str.encode)
)
def test_anything_is_a_value_or_an_error_with_a_place(data: bytes) -> None:
    try:
        outcome = str(parse_yaml(data, "f.yaml").location)
    except EnvbuildError as error:
        outcome = str(error)
    assert outcome.startswith("f.yaml:")


def test_comments_stand_behind_what_they_are_on_the_line_of() -> None:
    text = "a:  # one\n  - b # two\n  - [c, d]  # three\r\n  - 'e#f'  # four\n# five\ng: |\n  h # none\n"
    document = parse_yaml(text.encode(), "BUILD.yaml")
    entry = document.entries["a"]
    assert entry.comment == "# one"
    assert [item.comment for item in entry.value.items] == ["# two", "# three", "# four"]
    assert [item.comment for item in entry.value.items[1].items] == ["", ""]
    assert document.entries["g"].value.comment == ""
    assert document.comment == ""
