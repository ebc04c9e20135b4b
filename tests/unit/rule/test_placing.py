"""Files on a base go to where its links lead, and leave its folders as they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envbuild.core.errors import SpecError
from envbuild.core.label import Label
from envbuild.lock.base_image import Folder, Root
from envbuild.rule import builtins
from envbuild.rule.declared import DeclaredAction, Output, walk
from envbuild.spec.dockerfile.parse import parse_dockerfile
from tests.makers.targets import AMD64, World, make_base_image, make_file

ROOT = Root(
    links={"bin": "usr/bin", "srv/link": "srv/real"},
    folders={"tmp": Folder(0o1777), "home/app": Folder(0o700, 1000, 1000)},
)


def make_world(root: Root = ROOT) -> tuple[World, Label]:
    """A workspace with an image of a registry that has this root."""
    world = World()
    return world, world.image("image", replace(make_base_image(), root=root))


def files_action(world: World, label: Label) -> DeclaredAction:
    """The action that makes the layer of a target's own files."""
    (found,) = (each for each in walk(world.configure(label, AMD64).action) if each.mnemonic == "FilesLayer")
    return found


def test_files_on_an_image_of_a_registry() -> None:
    world, base = make_world()
    files = tuple(map(make_file, ("/bin/tool", "/home/app/.config/x", "/srv/link/y", "/tmp/z")))
    action = files_action(world, world.environment(base=base, files=files))
    assert (action.builtin, set(action.inputs)) == (
        builtins.FILES_LAYER,
        {f"files/{n:05}" for n in range(4)},  # no layer of the base is read
    )
    assert action.parameters["files"] == [
        ["/usr/bin/tool", 0o644],
        ["/home/app/.config/x", 0o644],
        ["/srv/real/y", 0o644],
        ["/tmp/z", 0o644],
    ]
    assert action.parameters["folders"] == {
        "home": [0o755, 0, 0],
        "home/app": [0o700, 1000, 1000],
        "home/app/.config": [0o700, 1000, 1000],
        "srv": [0o755, 0, 0],
        "srv/real": [0o755, 0, 0],
        "tmp": [0o1777, 0, 0],
        "usr": [0o755, 0, 0],
        "usr/bin": [0o755, 0, 0],
    }


def test_files_on_a_debian_base_are_declared_as_before() -> None:
    world = World()
    label = world.environment(base=world.debian(), files=(make_file("/bin/tool"),))
    parameters = files_action(world, label).parameters
    assert parameters["files"] == [["/bin/tool", 0o644]]
    assert parameters["merged_usr"] is True
    assert "folders" not in parameters


def test_files_on_steps_are_placed_once_these_have_run() -> None:
    world, base = make_world()
    dockerfile = parse_dockerfile(b"FROM base\nRUN ln -s /srv /data\n", "Dockerfile")
    steps = world.declare("dockerfile_image", "steps", dockerfile=dockerfile, contexts={"base": base})
    label = world.environment(base=steps, files=(make_file("/data/x"),))
    action = files_action(world, label)
    assert action.builtin == builtins.COPY_LAYER
    assert action.parameters["items"] == [{"path": "data/x", "file": 0, "mode": 0o644}]
    below = {path: item for path, item in action.inputs.items() if path.startswith("below/")}
    assert sorted(below) == ["below/000/listing", "below/001/listing", "below/002/listing"]
    # The two layers of the image are listed once; the step lists its own.
    made = [item.action.builtin for item in below.values() if isinstance(item, Output)]
    assert made == [builtins.LIST_LAYER, builtins.LIST_LAYER, builtins.RUN_STEP]


@pytest.mark.parametrize("destination", ["/bin", "/tmp", "/home/app"])
def test_a_file_does_not_take_a_folder_s_place(destination: str) -> None:
    world, base = make_world()
    label = world.environment(base=base, files=(make_file(destination),))
    with pytest.raises(SpecError) as caught:
        world.configure(label)
    assert str(caught.value).endswith(
        f"`//:app`: `{destination}` is a folder of its base, and a file would take its place\n"
        f"hint: write `{destination}/x`"
    )


@pytest.mark.parametrize(
    ("root", "said", "hint"),
    [
        (Root(links={"opt": "usr/opt"}), "`/opt` is a link to `/usr/opt`", "/usr/opt/env"),
        (Root(links={"opt/env": "srv/x"}), "`/opt/env` is a link to `/srv/x`", "/srv/x"),
        (
            Root(folders={"opt": Folder(0o2775, 0, 50)}),
            "`/opt` is a folder of 0:50 with mode 2775",
            "/srv/env",
        ),
    ],
)
def test_a_prefix_changes_no_folder_of_its_base(root: Root, said: str, hint: str) -> None:
    world, base = make_world(root)
    with pytest.raises(SpecError) as caught:
        world.environment(base=base)
    message = f"in its base `//:image`, {said}, which the prefix `/opt/env` would change"
    assert message in str(caught.value)
    assert str(caught.value).endswith(f"hint: choose another place: `prefix: {hint}`")
    world.configure(world.environment("other", base=base, prefix=hint))


def test_an_unusual_folder_elsewhere_is_no_matter_of_the_prefix() -> None:
    world, base = make_world(Root(links={"optical": "x"}, folders={"opt2": Folder(0o700)}))
    world.configure(world.environment(base=base))
