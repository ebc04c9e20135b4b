from __future__ import annotations

import pytest

from envbuild.core.errors import UsageError
from envbuild.oci.reference import Reference, RegistryName

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("127.0.0.1:5000/envs/env_0:latest", Reference("127.0.0.1:5000", "envs/env_0")),
        ("localhost/a", Reference("localhost", "a")),
        ("[::1]:5000/a/b-c:1.0", Reference("[::1]:5000", "a/b-c", "1.0")),
        (f"host.test/a__b@{SHA}", Reference("host.test", "a__b", digest=SHA)),
        (f"host.test/a:t@{SHA}", Reference("host.test", "a", "t", SHA)),
    ],
)
def test_references_are_read(text: str, reference: Reference) -> None:
    assert Reference.parse(text) == reference
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "python",
        "library/python",  # no host: nothing falls back to a registry that was not asked for
        "host.test/",
        "host.test/Upper",
        "host.test/a/../b",
        "host.test/a//b",
        "host.test/a:-t",
        "host.test/a@sha256:short",
        "https://host.test/a",
        "user@host.test/a",
        "host.test/a b",
        "host.test:port/a",
        "host.test/a\n",
        f"host.test/{'a' * 256}",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Reference.parse(text)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("127.0.0.1:5000", RegistryName("127.0.0.1:5000")),
        ("host.test/team/images/", RegistryName("host.test", "team/images")),
    ],
)
def test_registries_are_read(text: str, registry: RegistryName) -> None:
    assert RegistryName.parse(text) == registry
    assert RegistryName.parse(str(registry)) == registry


@pytest.mark.parametrize("text", ["", "registry", "https://host.test", "host.test/Team", "u:p@host.test"])
def test_what_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        RegistryName.parse(text)


def test_repositories_lie_below_the_registrys_path() -> None:
    assert RegistryName("host.test", "team").place("envs/env_0") == "team/envs/env_0"
    assert RegistryName("host.test").place("envs/env_0") == "envs/env_0"
