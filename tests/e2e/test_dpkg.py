"""Debian packages added to an image with dpkg: it and the loader know them, as if it had installed them."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.conftest import Built, machine_environment
from tests.makers.base_images import Layer, Upstream, make_layer
from tests.makers.examples import PRIMES_BASE
from tests.makers.project import Project
from tests.makers.stored import StoredImage

pytestmark = [pytest.mark.network, pytest.mark.services]

AMD64 = "linux/amd64"
RECORDS = "var/lib/dpkg/status.d/"


@pytest.fixture(scope="module")
def project(built: Built, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """`:app` has openssl beside what a Debian of others has, and `:child` a C compiler besides."""
    made = Project(tmp_path_factory.mktemp("dpkg"), machine_environment())
    upstream = Upstream(registry, f"debian{uuid4().hex}/root")
    image = built.image(PRIMES_BASE)
    cache = make_loader_cache(built, made.top / "loader")
    upstream.push(
        *layers(image), make_layer({**records(image), "etc/ld.so.cache": cache}), tag="1", config={}
    )
    targets = [
        {"base_image": {"name": "base", "image": upstream.reference()}},
        {"environment": {"name": "app", "base": ":base", "apt": ["openssl"]}},
        {"environment": {"name": "child", "base": ":app", "apt": ["tcc"]}},
        {"dockerfile_image": {"name": "step", "contexts": {"app": ":app"}, "dockerfile": STEP}},
        {"environment": {"name": "above", "base": ":step", "apt": ["tcc"]}},
    ]
    made.write({"envbuild.yaml": "", "BUILD.yaml": json.dumps(targets)}).succeed("lock", "//...")
    return made


SHOWN = "dpkg-query --show --showformat '${db:Status-Abbrev}${binary:Package}\\n'"
STEP = "FROM app\nRUN dpkg --remove openssl\n"


def layers(image: StoredImage) -> list[Layer]:
    """An image's layers, as a registry has them."""
    manifest, diff_ids = image.manifest(AMD64), image.config(AMD64)["rootfs"]["diff_ids"]
    return [
        Layer(image.blob(layer).read_bytes(), layer["mediaType"], diff_id)
        for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True)
    ]


def records(image: StoredImage) -> dict[str, str | bytes]:
    """What dpkg would have on record, had it installed the packages of an image that was made without it."""
    found: dict[str, str] = {}
    for layer in image.manifest(AMD64)["layers"]:
        with tarfile.open(image.blob(layer)) as archive:
            for entry in archive:
                if entry.isreg() and entry.name.startswith(RECORDS) and not entry.name.endswith(".md5sums"):
                    file = archive.extractfile(entry)
                    assert file is not None
                    found[entry.name.removeprefix(RECORDS)] = file.read().decode()
    installed = "Status: install ok installed\nVersion: "
    status = "\n".join(text.replace("Version: ", installed, 1) for text in found.values())
    same = {name: "Multi-Arch: same" in text for name, text in found.items()}
    lists = {f"{name}:amd64" if same[name] else name: "/.\n" for name in found}
    return {
        "var/lib/dpkg/status": status,
        "var/lib/dpkg/info/format": "1\n",
        "var/lib/dpkg/.wh.status.d": "",
        **{f"var/lib/dpkg/info/{name}.list": text for name, text in lists.items()},
    }


def make_loader_cache(built: Built, folder: Path) -> bytes:
    """The `ld.so.cache` of the image without what is added to it."""
    folder.mkdir()
    script = "ldconfig && cp /etc/ld.so.cache /out/cache"
    built.project.succeed("run", "--mount", f"{folder}:/out", PRIMES_BASE, "--", "sh", "-ec", script)
    return (folder / "cache").read_bytes()


def ask(project: Project, target: str, script: str) -> str:
    """What a script in an image writes."""
    return project.succeed("run", "--bare", target, "--", "sh", "-ec", script).out


def test_dpkg_knows_what_was_added(project: Project) -> None:
    assert ask(project, ":app", f"{SHOWN} openssl libssl3 dash").splitlines() == [
        *("ii dash", "ii libssl3:amd64", "ii openssl"),
    ]
    assert "\n/usr/bin/openssl\n" in ask(project, ":app", "dpkg --listfiles openssl")
    assert ask(project, ":app", "dpkg --search /usr/bin/openssl") == "openssl: /usr/bin/openssl\n"
    assert ask(project, ":app", "dpkg --verify openssl; dpkg --verify libssl3") == ""
    assert "openssl" not in ask(project, ":app", "dpkg --audit")
    assert "/etc/ssl/openssl.cnf " in ask(project, ":app", "dpkg --status openssl")  # a configuration file


def test_further_packages_do_not_hide_those_before(project: Project) -> None:
    shown = "dpkg-query --show --showformat '${binary:Package} ' openssl tcc coreutils"
    assert ask(project, ":child", shown) == "coreutils openssl tcc "


def test_what_steps_made_dpkg_record_stays(project: Project) -> None:
    shown = ask(project, ":above", f"{SHOWN} openssl libssl3 tcc").splitlines()
    assert shown == ["ii libssl3:amd64", "rc openssl", "ii tcc"]  # removed, but for its configuration


def test_dpkg_removes_what_was_added(project: Project) -> None:
    script = "dpkg --remove openssl > /dev/null; test ! -e /usr/bin/openssl; dpkg --audit"
    assert "openssl" not in ask(project, ":app", script)


def test_the_loader_finds_libraries_that_its_cache_lacks(project: Project) -> None:
    """They lie in the folders where it looks itself (ld.so(8)), so the cache of the base does no harm."""
    assert "libssl" not in ask(project, ":app", "ldconfig -p")
    assert ask(project, ":app", "openssl version").startswith("OpenSSL 3.")
