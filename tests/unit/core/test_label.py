from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.label import Label, Pattern

TRAIN = Label("examples/sklearn", "train")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("//examples/sklearn:train", TRAIN),
        (":train", TRAIN),
        ("//a/b", Label("a/b", "b")),
        ("//:root", Label("", "root")),
        ("//a.b-c+d_e:x.y-z+1", Label("a.b-c+d_e", "x.y-z+1")),
    ],
)
def test_labels(text: str, label: Label) -> None:
    assert Label.parse(text, package="examples/sklearn") == label
    assert Label.parse(str(label)) == label


@pytest.mark.parametrize(
    "text",
    [
        *("", "/a:b", "//", "//a:", "//a:b:c", "//a//b:c", "///a:b", "//a/:b", "//../a:b"),
        *("//a/./b:c", "//a/...:b", "//a:../b", "//a:b/c", "//a:-b", "//a b:c", "//a:b\n", ":", "//ä:b"),
    ],
)
def test_what_is_no_label(text: str) -> None:
    with pytest.raises(SpecError, match="is not a label") as caught:
        Label.parse(text)
    assert "//folder:name" in caught.value.hint


@pytest.mark.parametrize(("text", "meant"), [("a", ":a"), ("a:b", "//a:b"), ("a/b:c", "//a/b:c")])
def test_what_may_have_been_meant(text: str, meant: str) -> None:
    with pytest.raises(SpecError, match=f"`{text}` is not a label") as caught:
        Label.parse(text)
    assert caught.value.hint == f"did you mean `{meant}`?"
    Label.parse(meant)


LABELS = [Label("", "root"), Label("a", "a"), Label("a", "x"), Label("a/b", "x"), Label("ab", "x")]


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("//...", LABELS),
        ("//a/...", [Label("a", "a"), Label("a", "x"), Label("a/b", "x")]),  # not //ab
        ("//a:all", [Label("a", "a"), Label("a", "x")]),
        ("//a:x", [Label("a", "x")]),
        ("//a", [Label("a", "a")]),
        ("...", [Label("a", "a"), Label("a", "x"), Label("a/b", "x")]),
        ("b/...", [Label("a/b", "x")]),
        (":all", [Label("a", "a"), Label("a", "x")]),
        (":x", [Label("a", "x")]),
    ],
)
def test_patterns_in_package_a(text: str, matched: list[Label]) -> None:
    pattern = Pattern.parse(text, package="a")
    assert [label for label in LABELS if pattern.matches(label)] == matched
    excluded = Pattern.parse(f"-{text}", package="a")
    assert excluded.excluded
    assert not pattern.excluded
    assert [label for label in LABELS if excluded.matches(label)] == matched


def test_a_pattern_of_one_label_names_it() -> None:
    assert Pattern.parse("//a:x").exact == Label("a", "x")
    assert Pattern.parse("//a:all").exact is None
    assert Pattern.parse("//a/...").exact is None


@pytest.mark.parametrize("text", ["", "-", "//../...", "//a/.../b", "....", "//a b/..."])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(SpecError):
        Pattern.parse(text)
