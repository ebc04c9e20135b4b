"""Variables that images set, in what a Dockerfile adds from the web."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.base_images.conftest import APP, base_image, built_image
from tests.makers.base_images import CONFIG, ROOT, Upstream, make_layer, sha256
from tests.makers.debian import serve
from tests.makers.project import Project

pytestmark = pytest.mark.services

TOOL = b"a file of the web"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A server that has the same file at two places; the line of a Dockerfile that adds one."""
    folder = tmp_path / "web"
    folder.mkdir()
    for version in ("1.2", "1.3"):
        (folder / f"tool-{version}").write_bytes(TOOL)
    with serve(folder) as (url, _):
        yield f"ADD --checksum={sha256(TOOL)} {url}/tool-$VERSION /opt/tool\n"


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
