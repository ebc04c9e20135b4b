"""Bytecode as actions: what is in their roots, in which layers they end, and what they leave as it was."""

from __future__ import annotations

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.rule.declared import DeclaredAction, Fetched, Output, walk
from envbuild.rule.image import Image
from tests.makers.targets import BOOKWORM, World, image_of, make_file, make_locked, owners

LIBC = make_locked("libc6", "2.36", kind="deb")
NUMPY = make_locked("numpy", "2.0", size=20_000_000)
SIX, PANDAS = make_locked("six"), make_locked("pandas", "3.0")
SITE = "/opt/env/lib/python3.11/site-packages"


def compiled(image: Image) -> dict[str, DeclaredAction]:
    """The actions that compile, by what they compile."""
    return {each.subject: each for each in walk(image.action) if each.mnemonic == "Bytecode"}


def root_of(action: DeclaredAction) -> list[str]:
    """What the layers of an action's root are of, from the bottom up."""
    found = (item for path, item in sorted(action.inputs.items()) if path.startswith("root/"))
    return [item.action.subject if isinstance(item, Output) else "foreign" for item in found]


def test_bytecode_lies_above_all_code(world: World, base: Label) -> None:
    label = world.environment("app", [NUMPY, SIX], base=base, compile=True, files=(make_file("/app/x"),))
    assert owners(image_of(world, label))[3:] == [
        ("venv",),
        ("numpy 2.0",),
        ("six 1.0",),
        ("python 3.11.2 bytecode",),
        ("numpy 2.0 bytecode",),
        ("six 1.0 bytecode",),
        ("files",),
    ]


def test_layers_of_code_stay_what_they_were(world: World, base: Label) -> None:
    plain = image_of(world, world.environment("plain", [NUMPY, SIX], base=base))
    label = world.environment("compiled", [NUMPY, SIX], base=base, compile=True)
    assert image_of(world, label).layers[: len(plain.layers)] == plain.layers
    assert compiled(plain) == {}


def test_the_root_is_what_brings_the_interpreter(world: World, base: Label) -> None:
    actions = compiled(image_of(world, world.environment("app", [NUMPY, SIX], base=base, compile=True)))
    below = ["debian-root", "libc6 2.36", "debian-state"]
    assert root_of(actions["python 3.11.2"]) == below
    assert root_of(actions["numpy 2.0"]) == [*below, "python 3.11.2"]
    assert actions["numpy 2.0"].inputs["mounts/0/wheel"] == Fetched(NUMPY)
    argv = actions["numpy 2.0"].parameters["argv"]
    assert isinstance(argv, list)
    assert (argv[0], argv[-1]) == (BOOKWORM["interpreter"], SITE)


def test_layers_of_a_registry_s_image_may_bring_it(world: World) -> None:
    label = world.environment("app", [SIX], base=world.image(), compile=True)
    actions = compiled(image_of(world, label))
    assert root_of(actions["six 1.0"]) == ["foreign", "foreign", "python 3.11.2"]


def test_another_interpreter_compiles_anew(world: World, base: Label) -> None:
    label = world.environment("app", [SIX], base=base, compile=True)
    newer = world.debian("newer", debs=[make_locked("libc6", "2.37", kind="deb")])
    other = world.environment("other", [SIX], base=newer, compile=True)
    one, two = (compiled(image_of(world, each))["six 1.0"] for each in (label, other))
    assert one != two
    assert one.inputs["mounts/0/wheel"] == two.inputs["mounts/0/wheel"]


def test_a_package_more_leaves_all_others_as_they_were(world: World, base: Label) -> None:
    one = compiled(image_of(world, world.environment("one", [NUMPY, SIX], base=base, compile=True)))
    two = compiled(image_of(world, world.environment("two", [NUMPY, SIX, PANDAS], base=base, compile=True)))
    assert one == {subject: action for subject, action in two.items() if subject != "pandas 3.0"}


def test_a_child_compiles_what_it_adds(world: World, base: Label) -> None:
    """By the same interpreter: no package of its parent is in the root."""
    parent = world.environment("parent", [NUMPY], base=base, compile=True)
    child = image_of(world, world.environment("child", [SIX], base=parent, compile=True))
    assert owners(child).count(("python 3.11.2 bytecode",)) == 1
    assert compiled(child).keys() == {"python 3.11.2", "numpy 2.0", "six 1.0"}
    alone = image_of(world, world.environment("alone", [SIX], base=base, compile=True))
    assert compiled(child)["six 1.0"] == compiled(alone)["six 1.0"]


def test_a_child_of_a_parent_without(world: World, base: Label) -> None:
    parent = world.environment("parent", [NUMPY], base=base)
    child = image_of(world, world.environment("child", [SIX], base=parent, compile=True))
    assert compiled(child).keys() == {"python 3.11.2", "six 1.0"}


def refusal(world: World, label: Label) -> str:
    with pytest.raises(SpecError) as caught:
        world.configure(label)
    return f"{caught.value.message}; {caught.value.hint}"


def test_on_scratch_there_is_nobody_to_compile(world: World) -> None:
    label = world.environment("app", [SIX], compile=True)
    assert "there is no interpreter to compile with; leave `compile` out" in refusal(world, label)


@pytest.mark.parametrize("on_parent", [True, False])
def test_files_in_the_place_of_modules(world: World, base: Label, on_parent: bool) -> None:
    """Python would go on to run the bytecode of the package's own module."""
    file = make_file(f"{SITE}/six.py")
    if on_parent:
        base = world.environment("parent", [SIX], base=base, compile=True)
    label = world.environment("app", [PANDAS], base=base, compile=not on_parent, files=(file,))
    assert f"`files` puts `{SITE}/six.py` among modules that are compiled" in refusal(world, label)


def test_files_that_are_in_nobody_s_place(world: World, base: Label) -> None:
    files = tuple(map(make_file, ("/app/six.py", f"{SITE}/six.json")))
    label = world.environment("app", [SIX], base=base, compile=True, files=files)
    assert owners(image_of(world, label))[-1] == ("files",)
    plain = world.environment("plain", [SIX], base=base, files=(make_file(f"{SITE}/six.py"),))
    assert owners(image_of(world, plain))[-1] == ("files",)
