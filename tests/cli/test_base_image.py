"""Images of registries as bases: locked by digest, moved only where that is asked, fit for the spec."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.makers.base_images import CONFIG, LIBC, PYTHON, ROOT, Upstream, make_layer, sha256
from tests.makers.debian import folder, serve
from tests.makers.gate import Gate, open_gate
from tests.makers.project import Project, environment
from tests.makers.servers import PASSWORD, USER
from tests.makers.stored import StoredImage

pytestmark = pytest.mark.services

BASE, APP = "//:base", "//:app"


@pytest.fixture
def upstream(registry: str) -> Upstream:
    """A repository of one's own in the registry."""
    return Upstream(registry, f"base{uuid4().hex}/python")


@pytest.fixture
def private(private_registry: str) -> Upstream:
    """A repository of a registry that wants a login."""
    return Upstream(private_registry, f"base{uuid4().hex}/python", (USER, PASSWORD))


def base_image(image: str, **attributes: object) -> str:
    """A target of the rule for BUILD.yaml."""
    return f"- base_image: {json.dumps({'name': 'base', 'image': image, **attributes})}\n"


def locked(project: Project, name: str = "base", platform: str = "linux/amd64") -> dict[str, Any]:
    """The only image of a lock."""
    (image,) = project.lock(name)["platforms"][platform]["images"].values()
    assert isinstance(image, dict)
    return image


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


def name_registry(host: str, **login: str) -> str:
    """envbuild.yaml with a registry under the alias `corp`."""
    return f"sources: {json.dumps([{'registry': {'name': 'corp', 'host': host, **login}}])}\n"


IN_VARIABLES = {"username_env": "CORP_USER", "password_env": "CORP_PASSWORD"}


@pytest.mark.parametrize("named", ["alias", "host"])
def test_a_login_in_variables(project: Project, private: Upstream, named: str) -> None:
    pushed = private.push(make_layer(), tag="1")
    base = (
        base_image(f"{private.repository}:1", registry="corp")
        if named == "alias"
        else base_image(private.reference())
    )
    project.write({"envbuild.yaml": name_registry(private.host, **IN_VARIABLES), "BUILD.yaml": base})
    project.with_variables(CORP_USER=USER, CORP_PASSWORD=PASSWORD).succeed("lock", BASE)
    assert locked(project)["named"] == pushed["digest"]
    text = (project.root / "base.lock.json").read_text()
    assert PASSWORD not in text
    assert (private.host in text) == (named == "host")


@pytest.mark.parametrize("form", ["line", "json"])
def test_a_login_in_a_file(project: Project, private: Upstream, form: str) -> None:
    private.push(make_layer(), tag="1")
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    text = {"line": f"{USER}:{PASSWORD}\n", "json": json.dumps({"auths": {private.host: {"auth": auth}}})}
    project.write(
        {
            "envbuild.yaml": name_registry(private.host, login_file="../secrets/corp"),
            "BUILD.yaml": base_image(f"{private.repository}:1", registry="corp"),
            "../secrets/corp": text[form],
        }
    )
    project.succeed("lock", BASE)
    project.succeed("build", BASE)


REFUSED_LOGINS = {
    "none": ({}, {}, "the registry answered 401 (unauthorized)\nhint: log in: `docker login HOST`"),
    "wrong": (
        IN_VARIABLES,
        {"CORP_USER": USER, "CORP_PASSWORD": "wrong-7f3a"},
        "the registry answered 401 (unauthorized)",
    ),
    "no variable": (
        IN_VARIABLES,
        {"CORP_USER": USER},
        "the login for `HOST` is to be in `CORP_PASSWORD`, which the environment does not have",
    ),
    "no file": ({"login_file": "gone"}, {}, "/workspace/gone` cannot be read"),
    "empty file": ({"login_file": "empty"}, {}, "/workspace/empty` has no login for `HOST`"),
}


@pytest.mark.parametrize(("login", "variables", "said"), REFUSED_LOGINS.values(), ids=REFUSED_LOGINS.keys())
def test_a_login_that_fails(
    project: Project, private: Upstream, login: dict[str, str], variables: dict[str, str], said: str
) -> None:
    private.push(make_layer(), tag="1")
    files = {
        "envbuild.yaml": name_registry(private.host, **login),
        "BUILD.yaml": base_image(f"{private.repository}:1", registry="corp"),
        "empty": "\n",
    }
    told = project.write(files).with_variables(**variables).fail(4, "lock", BASE)
    assert said.replace("HOST", private.host) in told
    assert "wrong-7f3a" not in told


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


def write_app(project: Project, image: str, **attributes: object) -> Project:
    """An environment with a file of its own on a base."""
    app = environment("app", base=":base", files={"main.py": "/app/main.py"}, **attributes)
    return project.write({"BUILD.yaml": base_image(image) + app, "main.py": "print()\n"})


def built_image(project: Project, label: str) -> StoredImage:
    """The image of a target, which is built."""
    target = project.succeed("build", label, "--output", "json").target
    return StoredImage(project.cache / "images" / target["image"].removeprefix("envs/"))


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


def test_an_image_for_another_platform(project: Project, upstream: Upstream) -> None:
    upstream.push_index(upstream.push(make_layer(), architecture="arm64"), tag="1")
    project.write({"BUILD.yaml": base_image(upstream.reference())})
    assert project.fail(2, "lock", BASE) == (
        f"error: `{upstream.reference()}`: the image is not for `linux/amd64`\n"
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


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A server that has the same file at two places; the line of a Dockerfile that adds one."""
    folder = tmp_path / "web"
    folder.mkdir()
    for version in ("1.2", "1.3"):
        (folder / f"tool-{version}").write_bytes(TOOL)
    with serve(folder) as (url, _):
        yield f"ADD --checksum={sha256(TOOL)} {url}/tool-$VERSION /opt/tool\n"


TOOL = b"a file of the web"


def version_of(version: str, **more: object) -> dict[str, object]:
    """An image's configuration with a variable."""
    return {**CONFIG, "Env": [f"VERSION={version}"], **more}


def write_dockerfile(project: Project, text: str) -> Project:
    """A target by a Dockerfile alone."""
    target = json.dumps({"name": "app", "dockerfile": text})
    return project.write({"BUILD.yaml": f"- dockerfile_image: {target}\n"})


def locked_url(project: Project) -> str:
    """The only file of the web in a lock."""
    (file,) = project.lock("app")["platforms"]["linux/amd64"]["artifacts"]
    return str(file["file"]).rpartition("/")[2]


def added_file(project: Project) -> bytes:
    """What the topmost layer has of it."""
    image = built_image(project, APP)
    *_, layer = image.manifest("linux/amd64")["layers"]
    with tarfile.open(image.blob(layer)) as archive:
        file = archive.extractfile("opt/tool")
        assert file is not None
        return file.read()


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("FROM {image}\n{add}", version_of("1.2")),
        ("FROM {image} AS one\nFROM one\nENV X=$VERSION\nENV VERSION=$X\n{add}", version_of("1.2")),
        ("FROM {image}\nARG X=$VERSION\nENV VERSION=${{X%x}}\n{add}", version_of("1.2x")),
        ("FROM {image}\n{add}", {"OnBuild": ["ENV VERSION=1.2"]}),
    ],
    ids=["ENV", "by way of other variables", "an argument of its own", "a trigger"],
)
def test_a_variable_of_an_image_in_a_url(
    project: Project, upstream: Upstream, web: str, text: str, config: dict[str, Any]
) -> None:
    upstream.push(make_layer(ROOT), tag="1", config=config)
    write_dockerfile(project, text.format(image=upstream.reference(), add=web)).succeed("lock", "//:app")
    assert locked_url(project) == "tool-1.2"
    project.succeed("lock", "--check", "//:app")
    assert "is locked already" in project.succeed("lock", "//:app").out
    assert added_file(project) == TOOL


def test_an_image_that_only_a_trigger_names(project: Project, upstream: Upstream, web: str) -> None:
    """It is known once the image with the trigger is, and its own variables are once it is itself."""
    other = Upstream(upstream.host, f"{upstream.repository}/other")
    other.push(make_layer({"opt/given": "given"}), tag="1", config=version_of("1.2"))
    triggers = [f"COPY --from={other.reference()} /opt/given /opt/given"]
    upstream.push(make_layer(ROOT), tag="1", config=version_of("1.2", OnBuild=triggers))
    write_dockerfile(project, f"FROM {upstream.reference()}\n{web}").succeed("lock", "//:app")
    assert len(project.lock("app")["platforms"]["linux/amd64"]["images"]) == 2
    project.succeed("lock", "--check", "//:app")
    assert added_file(project) == TOOL


def test_a_variable_that_moves_with_its_image(project: Project, upstream: Upstream, web: str) -> None:
    upstream.push(make_layer(ROOT), tag="1", config=version_of("1.2"))
    write_dockerfile(project, f"FROM {upstream.reference()}\n{web}").succeed("lock", "//:app")
    upstream.push(make_layer(ROOT), tag="1", config=version_of("1.3"))
    project.succeed("lock", "//:app")
    assert locked_url(project) == "tool-1.2"
    said = project.succeed("lock", "//:app", "--upgrade-package", upstream.reference()).out
    assert locked_url(project) == "tool-1.3"
    assert said.count("tool-1.") == 2  # the one that went, and the one that came
    project.succeed("lock", "--check", "//:app")
    assert added_file(project) == TOOL
    upstream.push(make_layer(ROOT), tag="1", config=version_of("1.4"))
    before = project.contents()
    assert "tool-1.4" in project.fail(4, "lock", "//:app", "--upgrade")
    assert project.contents() == before


def test_a_variable_of_an_image_that_a_target_has(project: Project, upstream: Upstream, web: str) -> None:
    upstream.push(make_layer(ROOT), tag="1", config=version_of("1.2"))
    by_target = {"name": "app", "dockerfile": f"FROM base\n{web}", "contexts": {"base": ":base"}}
    targets = f"{base_image(upstream.reference())}- dockerfile_image: {json.dumps(by_target)}\n"
    project.write({"BUILD.yaml": targets}).succeed("lock", "//...")
    assert added_file(project) == TOOL


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
