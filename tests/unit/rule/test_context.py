"""What rules get: parts, layers and images."""

from __future__ import annotations

import pytest

from envbuild.core.errors import Location, SpecError
from envbuild.core.label import Label
from envbuild.rule import Config, builtins
from envbuild.rule.context import Context
from envbuild.rule.image import MAX_LAYERS, Part
from envbuild.rule.layering import Plan
from tests.makers.targets import AMD64, EPOCH, make_file

CONTEXT = Context(Label("", "app"), AMD64, {"a": 1}, {}, (), EPOCH, location=Location("BUILD.yaml", 2, 3))
ONE_BUCKET = Plan(alone=1, threshold=100, buckets=1)


def part(owner: str, size: int = 0, context: Context = CONTEXT) -> Part:
    return context.part(builtins.DEB_LAYER, {"of": owner}, {}, owner=owner, mnemonic="DebLayer", size=size)


def test_attributes_and_errors() -> None:
    assert CONTEXT["a"] == 1
    error = CONTEXT.fail("it fails", hint="mend it")
    assert str(error) == "BUILD.yaml:2:3: `//:app`: it fails\nhint: mend it"


def test_without_a_plan_each_part_is_a_layer_in_the_order_given() -> None:
    """Order counts: what is above wins. Nor does a name that two share lose one of them."""
    parts = [part("zeta 1"), part("alpha 1"), part("zeta 2")] + [part(f"p{n}") for n in range(120)]
    layers = CONTEXT.layers(parts)
    assert [layer.packages for layer in layers] == [(each.owner,) for each in parts]
    assert [layer.action for layer in layers] == [each.action for each in parts]


def test_a_plan_groups_parts() -> None:
    big, merged = CONTEXT.layers([part("b 1"), part("a 1"), part("big 1", 1000)], ONE_BUCKET)
    assert big.packages == ("big 1",)
    assert merged.packages == ("a 1", "b 1")
    assert merged.action.builtin == builtins.MERGE_LAYERS


def test_a_plan_takes_each_name_once() -> None:
    with pytest.raises(SpecError, match="two parts of a layer plan have one name"):
        CONTEXT.layers([part("a 1"), part("a 2")], ONE_BUCKET)


def test_the_time_of_files_is_in_every_part() -> None:
    assert part("a").action.parameters == {"of": "a", "epoch": EPOCH}


def test_more_layers_than_engines_take() -> None:
    layers = CONTEXT.layers([part(f"p{n}") for n in range(MAX_LAYERS)])
    base = CONTEXT.image(layers, Config())
    with pytest.raises(SpecError, match="it would have 128 layers, and engines take 127"):
        CONTEXT.image(CONTEXT.layers([part("one more")]), Config(), base=base)


def test_an_image_on_a_base_has_what_the_base_has() -> None:
    base = CONTEXT.image([], Config(labels={"a": "1"}), prefix="opt/env", merged_usr=True)
    image = CONTEXT.image(CONTEXT.layers([part("a")]), Config(labels={"b": "2"}), base=base)
    assert (image.prefix, image.merged_usr, image.pins, image.facts) == (
        "opt/env",
        True,
        base.pins,
        base.facts,
    )
    assert image.config.labels == {"a": "1", "b": "2"}
    assert image.platform == AMD64


def test_files_win_over_what_lies_below_and_keep_their_executable_bit() -> None:
    files = CONTEXT.files([make_file("/b"), make_file("/a", executable=True)], owner="files")
    assert files.overrides
    assert files.action.parameters["files"] == [["/a", 0o755], ["/b", 0o644]]
    assert files.action.parameters["merged_usr"] is False
