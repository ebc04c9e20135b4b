"""Images of registries in locks: by digest, moved only where that is asked."""

from __future__ import annotations

import pytest

from tests.cli.base_images.conftest import (
    BASE,
    base_image,
    built_image,
    locked,
)
from tests.makers.base_images import CONFIG, ROOT, Upstream, make_layer, sha256
from tests.makers.gate import Gate, open_gate
from tests.makers.project import Project

pytestmark = pytest.mark.services


def test_what_a_lock_has_of_an_image(project: Project, upstream: Upstream) -> None:
    layer = make_layer()
    pushed = upstream.push(layer, tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    out = project.succeed("lock", BASE).out
    assert f"+ {upstream.reference()} {pushed['digest']}" in out
    image = locked(project)
    assert (image["named"], image["manifest"]) == (pushed["digest"], [pushed["digest"], pushed["size"]])
    assert [(each["sha256"], each["version"], each["size"]) for each in image["layers"]] == [
        (sha256(layer.data).removeprefix("sha256:"), layer.diff_id, len(layer.data))
    ]
    assert image["config"] == {**CONFIG, "Env": sorted(CONFIG["Env"])}
    assert image["facts"] == {
        "libc": "glibc 2.36",
        "python": "3.11.9",
        "interpreter": "/usr/local/bin/python3.11",
    }
    assert image["packages"] == ["libc6 2.36-9 amd64"]
    project.succeed("lock", "--check", BASE)
    project.succeed("build", BASE)


def test_a_tag_that_moves_changes_nothing_until_that_is_asked(project: Project, upstream: Upstream) -> None:
    old = upstream.push(make_layer(), tag="1")["digest"]
    reference = upstream.reference()
    project.write({"BUILD.yaml": base_image(reference)})
    project.succeed("lock", BASE)
    before = project.contents()
    target = project.succeed("build", BASE, "--output", "json").target
    assert "note" not in project.succeed("lock", BASE).out

    new = upstream.push(make_layer({**ROOT, "etc/new": "new"}), tag="1")["digest"]
    said = project.succeed("lock", BASE).out
    follow = f"envbuild lock --upgrade-package {reference}"
    assert f"  note: `{reference}`: tag moved: {old} -> {new}; run `{follow}` to follow it\n" in said
    report = project.succeed("lock", BASE, "--output", "json").target
    assert report["moved"] == [{"name": reference, "old": old, "new": new}]
    assert project.contents() == before
    project.succeed("lock", "--check", BASE)
    again = project.succeed("build", BASE, "--output", "json").target
    assert (again["image"], again["digest"]) == (target["image"], target["digest"])

    said = project.succeed(*follow.split()[1:], BASE).out
    assert f"  ~ {reference} {old} -> {new}\n" in said
    assert "note" not in said
    assert locked(project)["named"] == new
    assert project.succeed("build", BASE, "--output", "json").target["image"] != target["image"]


def test_an_upgrade_of_all_follows_tags(project: Project, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    project.succeed("lock", BASE)
    new = upstream.push(make_layer({**ROOT, "etc/new": "new"}), tag="1")["digest"]
    project.succeed("lock", "--upgrade", BASE)
    assert locked(project)["named"] == new


def test_who_is_offline_is_told_of_no_tag(project: Project, registry: str, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    with open_gate(Gate(registry)) as gate:
        project.write({"BUILD.yaml": base_image(f"{gate.host}/{upstream.repository}:1")})
        project.succeed("lock", BASE)
    outcome = project.succeed("lock", BASE)
    assert (outcome.out, outcome.err) == (f"{BASE}  is locked already\n", "")


def test_one_question_per_image_tells_of_tags(project: Project, registry: str, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    with open_gate(Gate(registry)) as gate:
        image = f"{gate.host}/{upstream.repository}:1"
        project.write({"BUILD.yaml": base_image(image) + base_image(image, name="second")})
        project.succeed("lock", "//...")
        gate.asked.clear()
        project.succeed("lock", "//...")
        assert [(asked.method, asked.path) for asked in gate.asked] == [
            ("GET", f"/v2/{upstream.repository}/manifests/1")
        ]


def test_an_image_to_upgrade_that_no_lock_has(project: Project, upstream: Upstream) -> None:
    upstream.push(make_layer(), tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    project.succeed("lock", BASE)
    said = project.fail(2, "lock", BASE, "--upgrade-package", upstream.reference("2"))
    assert f"none of these locks has the image `{upstream.reference('2')}`" in said
    assert f"did you mean `{upstream.reference()}`?" in said


@pytest.mark.parametrize("image", ["none/at/all:1", "TAG"])
def test_an_image_that_is_not_there(project: Project, upstream: Upstream, image: str) -> None:
    upstream.push(make_layer(), tag="1")
    missing = upstream.reference("2") if image == "TAG" else f"{upstream.host}/{image}"
    project.write({"BUILD.yaml": base_image(missing)})
    error = f"error: `{upstream.host}` has no image `{missing}`\nhint: check its repository and its tag\n"
    assert project.fail(4, "lock", BASE).endswith(error)
    assert not (project.root / "base.lock.json").exists()


def test_an_alias_that_the_workspace_does_not_have(project: Project) -> None:
    project.write({"BUILD.yaml": base_image("team/base:1", registry="corp")})
    assert "the workspace has no registry `corp`" in project.fail(4, "lock", BASE)


def test_an_image_for_another_platform(project: Project, upstream: Upstream) -> None:
    upstream.push_index(upstream.push(make_layer(), architecture="arm64"), tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    assert project.fail(2, "lock", BASE) == (
        f"BUILD.yaml:1:3: error: `{upstream.reference()}`: the image is not for `linux/amd64`\n"
        "hint: it is for `linux/arm64`\n"
    )


def test_an_image_for_two_platforms(project: Project, upstream: Upstream) -> None:
    entries = [
        upstream.push(make_layer({**ROOT, "etc/arch": arch}), architecture=arch)
        for arch in ("amd64", "arm64")
    ]
    index = upstream.push_index(*entries, tag="1")
    platforms = ["linux/amd64", "linux/arm64"]
    project.write({"BUILD.yaml": base_image(upstream.reference(), platforms=platforms)}).succeed("lock", BASE)
    for entry, platform in zip(entries, platforms, strict=True):
        image = locked(project, platform=platform)
        assert (image["named"], image["manifest"][0]) == (index["digest"], entry["digest"])
    assert sorted(built_image(project, BASE).manifests) == platforms


def test_a_reference_that_is_none(project: Project) -> None:
    project.write({"BUILD.yaml": base_image("host.example/UPPER:1")})
    assert "`host.example/UPPER:1` names no image" in project.fail(2, "lock", BASE)
