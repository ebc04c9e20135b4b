"""Which image a reference names, and what is in it: asked of Debian's registry."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from envbuild.core.digest import Digest
from envbuild.lock.base_image import Folder
from envbuild.lock.check_image import GENERATION
from envbuild.lock.model import Download, Locked, PlatformLock
from envbuild.lock.resolve.images import look_up
from envbuild.oci.reference import RegistryName
from envbuild.store.disk import DiskStore
from tests.makers.base_images import LIBC, OCI, PYTHON, ROOT, Upstream, make_layer, sha256
from tests.makers.debian import folder, link
from tests.makers.desk import Desk
from tests.makers.gate import Answer, Asked, Gate, open_gate
from tests.makers.servers import require_programs
from tests.makers.targets import AMD64, ARM64

pytestmark = pytest.mark.services


@pytest.fixture
def desk(registry: str, tmp_path: Path) -> Desk:
    return Desk(Upstream(registry, f"up{uuid4().hex}/base"), DiskStore(tmp_path))


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_a_manifest_without_index(desk: Desk, docker: bool) -> None:
    layer = make_layer(docker=docker)
    pushed = desk.upstream.push(layer, tag="1", docker=docker)
    image = desk.resolve()
    assert (image.named, str(image.manifest)) == (pushed["digest"], pushed["digest"])
    (locked,) = image.layers
    assert (locked.kind, locked.version) == ("tar+gzip", layer.diff_id)
    assert f"sha256:{locked.sha256}" == sha256(layer.data)
    assert (locked.source, locked.file) == ("", f"oci://{desk.upstream.host}/{desk.upstream.repository}")


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_each_platform_of_an_index(desk: Desk, docker: bool) -> None:
    amd = desk.upstream.push(make_layer({**ROOT, "etc/arch": "amd"}, docker=docker), docker=docker)
    arm = desk.upstream.push(
        make_layer({**ROOT, "etc/arch": "arm"}, docker=docker), architecture="arm64", docker=docker
    )
    arm["platform"]["variant"] = "v8"
    # BuildKit lists what it attests as an image for nobody; others have platforms that we do not know.
    attestation = {
        **desk.upstream.push(make_layer({"x": "1"})),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    other = {**amd, "platform": {"os": "linux", "architecture": "s390x"}}
    bare = {key: value for key, value in amd.items() if key != "platform"}
    index = desk.upstream.push_index(attestation, bare, other, arm, amd, tag="1", docker=docker)
    for platform, pushed in ((AMD64, amd), (ARM64, arm)):
        image = desk.resolve(platform=platform)
        assert image.named == index["digest"]
        assert (str(image.manifest), image.manifest.size) == (pushed["digest"], pushed["size"])


def test_what_other_tools_make_of_it(desk: Desk) -> None:
    require_programs("skopeo")
    amd, arm = (
        desk.upstream.push(make_layer({**ROOT, "etc/arch": arch}), architecture=arch)
        for arch in ("amd64", "arm64")
    )
    desk.upstream.push_index(amd, arm, tag="1")
    before = desk.resolve()
    command = ["skopeo", "copy", "--all", "--format", "v2s2", "--src-tls-verify=false"]
    command += ["--dest-tls-verify=false", f"docker://{desk.upstream.reference()}"]
    subprocess.run([*command, f"docker://{desk.upstream.reference('2')}"], check=True, capture_output=True)
    after = desk.resolve(":2")
    assert after.named != before.named
    assert after.manifest != before.manifest
    assert replace(after, named=before.named, manifest=before.manifest) == before


@pytest.mark.parametrize("form", ["", "gzip", "zstd"])
def test_layers_of_each_form(desk: Desk, form: str) -> None:
    desk.upstream.push(make_layer(form=form), make_layer({"etc/x": "x"}), tag="1")
    image = desk.resolve()
    assert [layer.kind for layer in image.layers] == [f"tar+{form}" if form else "tar", "tar+gzip"]
    assert image.facts["python"] == "3.11.9"


def test_what_is_read_from_the_files(desk: Desk) -> None:
    below = make_layer(
        {**ROOT, "etc/group": "root:x:0:\n"},
        *(link("bin", "usr/bin"), folder("tmp", 0o1777), folder("usr"), folder("usr/bin")),
    )
    # Of two layers, the upper one counts; and what it takes away is not there.
    above = make_layer(
        {
            "etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:7:8::/app:/bin/sh\n",
            "etc/.wh.group": "",
            LIBC: b"GNU C Library (Debian GLIBC 2.41-1) stable release version 2.41.\n",
        }
    )
    desk.upstream.push(below, above, tag="1")
    image = desk.resolve()
    assert image.facts == {"libc": "glibc 2.41", "python": "3.11.9", "interpreter": f"/{PYTHON}"}
    assert image.packages == ("libc6 2.36-9 amd64",)
    assert image.root.links == {"bin": "usr/bin"}
    assert image.root.folders == {"tmp": Folder(0o1777)}
    assert (image.root.users, image.root.groups) == ({"root": "0:0", "app": "7:8"}, {})


def test_the_configuration_that_is_inherited(desk: Desk) -> None:
    stated = {
        "Env": ["PATH=/bin", "A=1=2", "EMPTY="],
        "User": "app",
        "WorkingDir": "/srv",
        "Entrypoint": ["/init"],
        "Cmd": ["a", "b"],
        "Labels": {"one": "1"},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "StopSignal": "SIGINT",
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1000},
        "Shell": ["/bin/bash", "-c"],
        "OnBuild": ["RUN true"],
    }
    noise = {"Hostname": "", "Image": "sha256:0", "ArgsEscaped": True, "AttachStdin": False}
    desk.upstream.push(make_layer(), tag="1", config={**stated, **noise})
    assert desk.resolve().config == {**stated, "Env": ["A=1=2", "EMPTY=", "PATH=/bin"]}


def test_an_image_by_its_digest(desk: Desk) -> None:
    pushed = desk.upstream.push(make_layer(), tag="1")
    for tag in (f"@{pushed['digest']}", f":gone@{pushed['digest']}"):
        assert desk.resolve(tag).named == pushed["digest"]


def test_an_alias_keeps_the_host_out_of_the_lock(desk: Desk) -> None:
    host, _, path = f"{desk.upstream.host}/{desk.upstream.repository}".partition("/")
    above, _, name = path.rpartition("/")
    desk.aliases["corp"] = RegistryName(host, above)
    desk.upstream.push(make_layer(), tag="1")
    reference = f"corp//{name}:1"
    image = desk.answer(reference).images[reference]
    assert [(layer.source, layer.file) for layer in image.layers] == [("corp", name)]


def test_what_is_locked_stays_until_an_upgrade_names_it(desk: Desk) -> None:
    one, two = (f"{desk.upstream.reference(tag)}" for tag in ("1", "2"))
    for tag in ("1", "2"):
        desk.upstream.push(make_layer({**ROOT, "etc/tag": tag}), tag=tag)
    known = desk.answer(one, two)
    for tag in ("1", "2"):
        desk.upstream.push(make_layer({**ROOT, "etc/tag": tag + "new"}), tag=tag)
    assert desk.answer(one, two, known=known) == known
    moved = desk.answer(one, two, known=known, upgrade=frozenset({two}))
    assert [moved.images[each] == known.images[each] for each in (one, two)] == [True, False]
    moved = desk.answer(one, two, known=known, upgrade=None)
    assert [moved.images[each] == known.images[each] for each in (one, two)] == [False, False]


def test_layers_are_fetched_once(desk: Desk) -> None:
    desk.upstream.push(make_layer(), tag="1")
    desk.resolve()
    desk.fetched.clear()
    desk.resolve()
    assert desk.fetched == []


@pytest.mark.parametrize(
    ("known", "upgrade", "generation"),
    [(None, frozenset(), "1"), ("3", frozenset(), "3"), ("3", frozenset({"numpy"}), "3"), ("3", None, "4")],
)
def test_networked_steps_run_again_where_all_is_upgraded(
    desk: Desk, known: str | None, upgrade: frozenset[str] | None, generation: str
) -> None:
    before = PlatformLock((), facts={GENERATION: known}) if known else None
    assert desk.answer(networked=True, known=before, upgrade=upgrade).facts == {GENERATION: generation}
    assert desk.answer(known=before, upgrade=upgrade).facts == {}


def test_what_a_tag_names_now(desk: Desk) -> None:
    pushed = desk.upstream.push(make_layer(), tag="1")
    named = {
        desk.upstream.reference(): pushed["digest"],
        desk.upstream.reference("gone"): "",
        f"{desk.upstream.host}/{desk.upstream.repository}@{pushed['digest']}": "",  # which never moves
        "127.0.0.1:1/nobody/serves:1": "",
        "unknown//alias:1": "",
    }
    assert {reference: look_up(reference, desk.registries) for reference in named} == named


# What is refused.


def push_config(upstream: Upstream, change: Callable[[dict[str, Any]], object]) -> None:
    """An image whose config says something else than the truth."""
    layer = make_layer()
    upstream.put_blob(layer.data)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
    }
    change(config)
    upstream.put_manifest(
        {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": {
                "mediaType": f"{OCI}.config.v1+json",
                **upstream.put_blob(json.dumps(config).encode()),
            },
            "layers": [layer.descriptor],
        },
        "1",
    )


def test_an_image_for_other_platforms(desk: Desk) -> None:
    arm = desk.upstream.push(make_layer(), architecture="arm64")
    desk.upstream.push_index(arm, tag="1")
    error = desk.fail()
    assert error.message == f"`{desk.upstream.reference()}`: the image is not for `linux/amd64`"
    assert error.hint == "it is for `linux/arm64`"
    assert desk.fetched == []


def test_an_index_for_nobody(desk: Desk) -> None:
    desk.upstream.push_index(tag="1")
    assert desk.fail().hint == "it is for none that is known here"


@pytest.mark.parametrize("listed", [False, True])
def test_a_config_for_another_platform(desk: Desk, listed: bool) -> None:
    pushed = desk.upstream.push(make_layer(), architecture="arm64", tag="" if listed else "1")
    if listed:
        desk.upstream.push_index({**pushed, "platform": {"os": "linux", "architecture": "amd64"}}, tag="1")
    error = desk.fail()
    assert error.message.endswith("the image is for `linux/arm64`, not for `linux/amd64`")
    assert error.hint == "change `platforms`, or name an image that has this one"


def test_an_image_that_is_not_there(desk: Desk) -> None:
    error = desk.fail()
    assert error.message == f"`{desk.upstream.host}` has no image `{desk.upstream.reference()}`"


def test_a_digest_that_vanished(desk: Desk) -> None:
    digest = desk.upstream.push(make_layer(), tag="1")["digest"]
    desk.upstream.remove(digest)
    place = f"{desk.upstream.host}/{desk.upstream.repository}@{digest}"
    assert desk.fail(f"@{digest}").message == f"`{desk.upstream.host}` has no image `{place}`"


def test_a_layer_that_vanished(desk: Desk) -> None:
    layer = make_layer()
    desk.upstream.push(layer, tag="1")
    desk.upstream.remove(sha256(layer.data), "blobs")
    error = desk.fail()
    place = f"{desk.upstream.host}/{desk.upstream.repository}"
    assert error.message == f"`{place}` no longer has `{sha256(layer.data)}`"
    assert error.hint == "if its tag names another image by now: `envbuild lock --upgrade-package IMAGE`"


def test_a_layer_that_is_not_what_its_config_says(desk: Desk) -> None:
    push_config(desk.upstream, lambda config: config["rootfs"].update(diff_ids=[sha256(b"another")]))
    said = f"`{sha256(make_layer().data)}` is not what its config says: no engine would take it"
    assert said in desk.fail().message


LIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "fewer layers": (
        lambda config: config["rootfs"].update(diff_ids=[]),
        "its manifest and its config do not have the same number of layers",
    ),
    "another kind of root": (lambda config: config["rootfs"].update(type="x"), "`rootfs.type`"),
    "variables that are none": (lambda config: config.update(config={"Env": "A=1"}), "`Env`"),
    "a platform unknown to us": (lambda config: config.update(architecture="s390x"), "linux/s390x"),
}


@pytest.mark.parametrize(("change", "said"), LIES.values(), ids=LIES.keys())
def test_a_config_that_lies(desk: Desk, change: Callable[[dict[str, Any]], object], said: str) -> None:
    push_config(desk.upstream, change)
    error = desk.fail()
    assert desk.upstream.reference() in error.message
    assert said in error.message


def test_a_layer_of_another_kind(desk: Desk) -> None:
    layer = replace(make_layer(), media_type="application/vnd.example.disk")
    desk.upstream.push(layer, tag="1")
    error = desk.fail()
    assert error.message.endswith(f"it has a layer of the media type `{layer.media_type}`")


def test_a_layer_that_is_no_tar(desk: Desk) -> None:
    garbage = b"no tar at all" * 100
    layer = replace(make_layer(), data=garbage, media_type=f"{OCI}.layer.v1.tar", diff_id=sha256(garbage))
    desk.upstream.push(layer, tag="1")
    assert desk.upstream.reference() in desk.fail().message


@pytest.mark.parametrize("part", ["/manifests/", "/blobs/"])
def test_other_bytes_than_the_digest_says(desk: Desk, part: str) -> None:
    pushed = desk.upstream.push(make_layer(), tag="1")

    def change(asked: Asked, answer: Answer) -> Answer:
        wrong = part in asked.target and answer.status == 200
        return replace(answer, body=b" " + answer.body[1:]) if wrong else answer

    with open_gate(Gate(desk.upstream.host, after=change)) as gate:
        desk.upstream = replace(desk.upstream, host=gate.host)
        error = desk.fail(f"@{pushed['digest']}")
    assert "has other bytes than its digest says" in error.message
    assert list(desk.store.temporary.glob("*")) == []


def test_downloads_are_locked_with_their_sizes(desk: Desk) -> None:
    urls = ("https://a.example/Tool_1.txt?x=1", "https://b.example/")
    downloads = tuple(Download(url, Digest.of(url.encode()).hash) for url in urls)
    answer = desk.answer(downloads=downloads)
    found = [(each.kind, each.file, each.sha256, each.size) for each in answer.artifacts]
    assert found == [("file", each.url, each.sha256, len(each.url)) for each in downloads]
    assert [each.name[:-9] for each in answer.artifacts] == ["tool_1.txt-x-1", "file"]


def test_a_download_that_is_locked_is_not_fetched(desk: Desk) -> None:
    download = Download("https://a.example/x", Digest.of(b"x").hash)
    known = PlatformLock((Locked("file", "x-1", "1", "", download.url, download.sha256, 1),))
    assert desk.answer(downloads=(download,), known=known).artifacts == known.artifacts
    assert not desk.store.has(Digest.of(download.url.encode()))
