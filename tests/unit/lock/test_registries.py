"""Where images and their layers lie: below an alias of the workspace, or at a host that a spec names."""

from __future__ import annotations

import pytest

from envbuild.core.errors import SourceError
from envbuild.lock.model import Locked
from envbuild.lock.registries import Registries, locked_file
from envbuild.oci.reference import ImageName, Reference, RegistryName
from envbuild.sources.credentials import DockerCredentials
from envbuild.sources.http import HttpClient
from envbuild.sources.registry import RegistryClient

SHA = "0" * 64
ALIASES = {"corp": RegistryName("reg.example:5000", "team/bases"), "top": RegistryName("top.example")}


def connect(host: str) -> RegistryClient:
    return RegistryClient(HttpClient(), host, DockerCredentials({}))


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("python:3.12", Reference("docker.io", "library/python", "3.12")),
        ("reg.example/a/b:1", Reference("reg.example", "a/b", "1")),
        ("corp//python", Reference("reg.example:5000", "team/bases/python", "latest")),
        ("top//python:1", Reference("top.example", "python", "1")),
        (f"top//python:1@sha256:{SHA}", Reference("top.example", "python", f"sha256:{SHA}")),
    ],
)
def test_layers_lie_where_their_image_lies(named: str, place: Reference) -> None:
    registries, name = Registries(connect, ALIASES), ImageName.parse(named)
    assert registries.locate(name) == place
    source, file = locked_file(name)
    found = registries.locate_layer(Locked("tar", "layer-000", f"sha256:{SHA}", source, file, SHA, 1))
    assert (found.host, found.repository, found.tag) == (place.host, place.repository, f"sha256:{SHA}")


def test_an_alias_that_is_none() -> None:
    with pytest.raises(SourceError) as caught:
        Registries(connect, ALIASES).locate(ImageName.parse("gone//python:1"))
    assert caught.value.message == "the workspace has no registry `gone`"
    assert caught.value.hint == (
        "it has `corp`, `top`: add `- registry: {name: gone, host: ...}` to `sources`"
    )


def test_a_host_is_connected_to_once() -> None:
    registries = Registries(connect, ALIASES)
    assert registries.client("a.example") is registries.client("a.example")
    assert registries.client("a.example") is not registries.client("b.example")
