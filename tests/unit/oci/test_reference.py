from __future__ import annotations

import pytest

from envbuild.core.errors import UsageError
from envbuild.oci.reference import RegistryName, is_repository, is_tag


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("127.0.0.1:5000", RegistryName("127.0.0.1:5000")),
        ("localhost/a", RegistryName("localhost", "a")),
        ("[::1]:5000", RegistryName("[::1]:5000")),
        ("host.test/team/images/", RegistryName("host.test", "team/images")),
    ],
)
def test_registries_are_read(text: str, registry: RegistryName) -> None:
    assert RegistryName.parse(text) == registry
    assert RegistryName.parse(str(registry)) == registry


@pytest.mark.parametrize(
    "text",
    [
        "",
        "registry",  # no host: nothing falls back to a registry that was not asked for
        "https://host.test",
        "u:p@host.test",
        "host.test:port",
        "host.test/Team",
        "host.test/a/../b",
        "host.test/a//b",
        "host.test/a b",
        "host.test/a\n",
        "host.test\n",
    ],
)
def test_what_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        RegistryName.parse(text)


@pytest.mark.parametrize("text", ["a", "envs/env_0", "a/b-c", "a__b", "a.b/c"])
def test_names_of_repositories(text: str) -> None:
    assert is_repository(text)


@pytest.mark.parametrize("text", ["", "/a", "a/", "A", "a..b", "-a", "a" * 256])
def test_what_is_no_name_of_a_repository(text: str) -> None:
    assert not is_repository(text)


def test_names_of_tags() -> None:
    assert is_tag("env_0")
    assert is_tag("1.0-rc")
    assert not any(is_tag(text) for text in ("", "-a", ".a", "a/b", "a" * 129))


def test_images_lie_below_the_registrys_path() -> None:
    assert str(RegistryName("host.test", "team").place("envs/env_0")) == "host.test/team/envs/env_0:latest"
    assert str(RegistryName("host.test").place("envs", "env_0")) == "host.test/envs:env_0"
