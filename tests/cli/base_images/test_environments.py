"""Environments on images of registries: what they have of their base, and specs that it contradicts."""

from __future__ import annotations

import json
import tarfile

import pytest

from tests.cli.base_images.conftest import (
    APP,
    BASE,
    IN_VARIABLES,
    base_image,
    built_image,
    name_registry,
    write_app,
)
from tests.makers.base_images import CONFIG, LIBC, PYTHON, ROOT, Upstream, make_layer, sha256
from tests.makers.debian import folder
from tests.makers.project import Project, environment
from tests.makers.servers import PASSWORD, USER
from tests.makers.stored import StoredImage

pytestmark = pytest.mark.services


def test_what_an_environment_has_of_its_base(project: Project, upstream: Upstream) -> None:
    inherited = {
        "User": "app",
        "WorkingDir": "/srv",
        "StopSignal": "SIGINT",
        "ExposedPorts": {"80/tcp": {}},
        "OnBuild": ["RUN true"],
    }
    layers = (make_layer(), make_layer({"etc/x": "x"}, form="zstd"))
    config = {**CONFIG, **inherited, "Entrypoint": ["/init"]}
    pushed = upstream.push(*layers, tag="1", config=config)
    write_app(project, upstream.reference()).succeed("lock", "//...")
    image = built_image(project, APP)
    manifest, made = image.manifest("linux/amd64"), image.config("linux/amd64")
    assert manifest["layers"][:2] == [layer.descriptor for layer in layers]
    assert made["rootfs"]["diff_ids"][:2] == [layer.diff_id for layer in layers]
    assert len(made["history"]) == len(manifest["layers"]) == 4  # the venv and the files are ours
    assert {key: made["config"][key] for key in inherited} == inherited
    assert (made["config"]["Entrypoint"], made["config"]["Cmd"]) == (["/init"], ["python3"])
    assert made["config"]["Env"] == ["LANG=C.UTF-8", "PATH=/opt/env/bin:/usr/local/bin:/usr/bin:/bin"]
    named = {
        "org.opencontainers.image.base.name": upstream.reference(),
        "org.opencontainers.image.base.digest": pushed["digest"],
    }
    assert named.items() <= manifest["annotations"].items()


def test_annotations_name_no_host_that_the_spec_does_not(project: Project, private: Upstream) -> None:
    pushed = private.push(make_layer(), tag="1")
    base = base_image(f"{private.repository}:1", registry="corp")
    files = {"envbuild.yaml": name_registry(private.host, **IN_VARIABLES), "BUILD.yaml": base}
    project = project.write(files).with_variables(CORP_USER=USER, CORP_PASSWORD=PASSWORD)
    project.succeed("lock", BASE)
    image = built_image(project, BASE)
    manifest = image.manifest("linux/amd64")
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == pushed["digest"]
    assert private.host not in json.dumps([manifest, image.config("linux/amd64")])


def test_reports_name_the_layers_of_a_base(project: Project, upstream: Upstream) -> None:
    layer = make_layer()
    upstream.push(layer, tag="1")
    write_app(project, upstream.reference()).succeed("lock", "//...")
    first, *others = project.succeed("build", APP, "--output", "json").target["platforms"][0]["layers"]
    assert first == {
        "digest": sha256(layer.data),
        "diff_id": layer.diff_id,
        "size": len(layer.data),
        "packages": [upstream.reference()],
    }
    assert [each["packages"] for each in others] == [["venv"], ["files"]]
    asked = project.succeed("aquery", APP, "--output", "json").json
    (image,) = (each for each in asked["actions"] if each["mnemonic"] == "Image" and each["subject"] == APP)
    (foreign,) = image["parameters"]["foreign"]
    assert (foreign["digest"], foreign["origin"]) == (sha256(layer.data), upstream.reference())
    assert project.succeed("query", "deps(//:app)").out.split() == [APP, BASE]


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (
            {"python": "3.12"},
            "it asks for Python 3.12, but its base `//:base` has 3.11.9\nhint: change `python`, or the base",
        ),
        (
            {"libc": "glibc 2.31"},
            "it states `glibc 2.31`, but its base `//:base` has `glibc 2.36`\nhint: leave `libc` out",
        ),
    ],
    ids=["python", "libc"],
)
def test_a_spec_that_the_image_contradicts(
    project: Project, upstream: Upstream, stated: dict[str, str], said: str
) -> None:
    upstream.push(make_layer(), tag="1")
    write_app(project, upstream.reference(), **stated).succeed("lock", BASE)
    assert f"BUILD.yaml:2:3: error: `{APP}`: {said}" in project.fail(2, "lock", APP)
    assert said in project.fail(2, "build", APP)
    write_app(project, upstream.reference(), python="3.11", libc="glibc 2.36").succeed("lock", APP)


def test_an_upgrade_that_brings_another_python(project: Project, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    write_app(project, upstream.reference()).succeed("lock", "//...")
    project.succeed("build", APP)
    newer = {**ROOT, "usr/local/bin/python3.12": b"\0003.12.1\0"}
    del newer[PYTHON]
    upstream.push(make_layer(newer), tag="1")
    project.succeed("lock", BASE, "--upgrade")
    said = project.fail(3, "build", APP)
    assert "it is locked for Python 3.11, but the target has 3.12.1" in said
    project.succeed("lock", APP)
    project.succeed("build", APP)


def test_a_base_without_python(project: Project, upstream: Upstream) -> None:
    upstream.push(make_layer({LIBC: ROOT[LIBC]}), tag="1")
    write_app(project, upstream.reference()).succeed("lock", BASE)
    assert "its base `//:base` has no Python" in project.fail(2, "lock", APP)


def test_one_of_several_interpreters(project: Project, upstream: Upstream) -> None:
    newer = "usr/bin/python3.12"
    upstream.push(make_layer({**ROOT, newer: b"\x7fELF\x003.12.4\x00"}), tag="1")
    for path, version in {"": "3.12", f"/{PYTHON}": "3.11", f"/{newer}": "3.12"}.items():
        write_app(project, upstream.reference(), **({"interpreter": path} if path else {}))
        project.succeed("lock", "//...")
        paths = layer_paths(built_image(project, APP))
        assert f"opt/env/bin/python{version}" in paths
        assert paths["opt/env/bin/python"].linkname == (path or f"/{newer}")
    write_app(project, upstream.reference(), interpreter="/opt/python")
    said = project.fail(2, "lock", "//...")
    assert f"hint: write `path: /{newer}` or `path: /{PYTHON}`" in said


def layer_paths(image: StoredImage) -> dict[str, tarfile.TarInfo]:
    """What the layers of ours name, of an image that has one of another's."""
    found: dict[str, tarfile.TarInfo] = {}
    for layer in image.manifest("linux/amd64")["layers"][1:]:
        with tarfile.open(image.blob(layer)) as archive:
            found |= {entry.name.rstrip("/"): entry for entry in archive}
    return found


def test_files_go_where_steps_below_have_put_links(project: Project, upstream: Upstream) -> None:
    upstream.push(make_layer(ROOT, folder("srv", 0o750)), tag="1")
    steps = json.dumps({"name": "steps", "dockerfile": "Dockerfile", "contexts": {"base": ":base"}})
    write_app(project, upstream.reference()).write(
        {
            "BUILD.yaml": base_image(upstream.reference())
            + f"- dockerfile_image: {steps}\n"
            + environment(base=":steps", files={"main.py": "/data/main.py"}),
            "Dockerfile": "FROM base\nCOPY links /\n",
        }
    )
    (project.root / "links").mkdir()
    (project.root / "links/data").symlink_to("srv")
    project.succeed("lock", "//...")
    image = built_image(project, APP)
    *_, files = image.manifest("linux/amd64")["layers"]
    with tarfile.open(image.blob(files)) as archive:
        assert {entry.name: entry.mode for entry in archive} == {"srv/main.py": 0o644, "srv": 0o750}
