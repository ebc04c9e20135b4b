"""TLS to registries, with authorities of one's own, and plain HTTP only where it may be.

`0.0.0.0` leads to this machine, but is no loopback address: to `envbuild` it is any other machine.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.makers.authority import make_authority
from tests.makers.gate import Answer, Asked, Forward, Gate, TokenGuard, open_gate
from tests.makers.index import FakeIndex, make_package
from tests.makers.project import Project, environment, name_indexes
from tests.makers.registry_content import read_tag
from tests.makers.servers import PASSWORD, USER, require_programs

pytestmark = pytest.mark.services


@pytest.fixture
def locked(project: Project, index: FakeIndex) -> Project:
    index.add(make_package("alpha"))
    project.write({"BUILD.yaml": environment(pip=["alpha"])}).succeed("lock")
    return project


def elsewhere(gate: Gate) -> str:
    """A gate's address as that of another machine."""
    return gate.host.replace("127.0.0.1", "0.0.0.0")


def push(project: Project, registry: str, place: str) -> dict[str, str]:
    """Build and push below a place of the test's own; what is there afterwards must be whole."""
    name = f"{registry}/{place}"
    target = project.succeed("build", "--push", "--registry", name, "--output", "json").target
    return {"digest": str(target["digest"]), "repository": f"{place}/{target['image']}"}


def refuse(project: Project, gate: Gate, registry: str) -> str:
    """What a push says that must fail before anything is asked or built."""
    said = project.fail(4, "build", "--push", "--registry", registry)
    assert gate.asked == []
    assert project.images() == []
    return said


def tell_scheme(asked: Asked, forward: Forward) -> Answer:
    """As a proxy must that takes TLS off: the registry makes its URLs from it."""
    return forward(replace(asked, headers={**asked.headers, "x-forwarded-proto": "https"}))


@pytest.fixture
def tls(registry: str, tmp_path: Path) -> Iterator[tuple[Gate, Path]]:
    """The registry behind TLS as `0.0.0.0`, and the certificate of the authority that vouches for it."""
    authority = make_authority(tmp_path / "authority")
    vouched = authority.vouch(tmp_path / "authority", "IP:0.0.0.0")
    with open_gate(Gate(registry, around=tell_scheme), vouched) as gate:
        yield gate, authority.certificate


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_private_authority(locked: Project, tls: tuple[Gate, Path], variable: str) -> None:
    gate, certificate = tls
    trusting = locked.with_variables(**{variable: str(certificate)})
    there = push(trusting, elsewhere(gate), f"tls/{variable.lower()}")
    assert read_tag(gate.upstream, there["repository"]) == there["digest"]


def test_unknown_authority(locked: Project, tls: tuple[Gate, Path]) -> None:
    gate, _ = tls
    host = elsewhere(gate)
    said = refuse(locked, gate, host)
    assert said.startswith(f"error: registry `{host}`: no trusted connection to `https://{host}/v2/envs/env_")
    assert said.endswith(
        "unable to get local issuer certificate\n"
        "hint: name a file with your certificate authority in `SSL_CERT_FILE`\n"
    )


def test_another_authority(locked: Project, tls: tuple[Gate, Path], tmp_path: Path) -> None:
    gate, _ = tls
    other = make_authority(tmp_path / "other")
    said = refuse(locked.with_variables(SSL_CERT_FILE=str(other.certificate)), gate, elsewhere(gate))
    assert "no trusted connection" in said


def test_certificate_of_another_host(locked: Project, registry: str, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority")
    vouched = authority.vouch(tmp_path / "authority", "DNS:registry.example.org")
    with open_gate(Gate(registry), vouched) as gate:
        trusting = locked.with_variables(SSL_CERT_FILE=str(authority.certificate))
        assert "ip address mismatch" in refuse(trusting, gate, elsewhere(gate))


def test_proxy_that_hides_tls(locked: Project, tls: tuple[Gate, Path]) -> None:
    """The registry believes that it is spoken to in the clear, and wants the upload so."""
    gate, certificate = tls
    gate.around = lambda asked, forward: forward(asked)
    trusting = locked.with_variables(SSL_CERT_FILE=str(certificate))
    host = elsewhere(gate)
    said = trusting.fail(4, "build", "--push", "--registry", f"{host}/hidden")
    assert f"error: `{host}` sends us to `http://{host}/v2/hidden/" in said
    assert "which is not protected by TLS\nhint: let the proxy before the registry pass `X-For" in said
    assert gate.count("PUT") == 0


def test_plain_http_elsewhere_is_refused_unless_allowed(
    locked: Project, index: FakeIndex, registry: str
) -> None:
    with open_gate(Gate(registry)) as gate:
        host = elsewhere(gate)
        said = refuse(locked, gate, f"{host}/plain")
        assert f"error: registry `{host}`: `https://{host}/v2/plain/envs/env_" in said
        allowed = f'plain_http: ["{host}"]'
        assert said.endswith(
            "speaks plain HTTP, no TLS\n"
            f"hint: give it TLS, or allow plain HTTP in envbuild.yaml: `{allowed}`\n"
        )
        locked.write({"envbuild.yaml": f"{name_indexes(pypi=index.url)}{allowed}\n"})
        there = push(locked, host, "plain")
    assert read_tag(registry, there["repository"]) == there["digest"]


# Whoever answers there would get the login.
def test_token_server_without_tls(locked: Project, registry: str) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(open_gate(Gate("", before=TokenGuard(USER, PASSWORD))))
        challenge = f'Bearer realm="http://{elsewhere(other)}/token",service="gate"'
        asks = Gate(registry, before=lambda asked: Answer(401, b"{}", {"WWW-Authenticate": challenge}))
        gate = stack.enter_context(open_gate(asks))
        said = locked.fail(4, "build", "--push", "--registry", gate.host)
        assert f"`{gate.host}` sends us to `http://{elsewhere(other)}/token`, which is not prot" in said
        assert other.asked == []


# A name that should mean this machine, and does not.
@pytest.mark.parametrize("name", ["registry.localhost", "localhost"])
def test_localhost_that_is_another_machine(locked: Project, registry: str, tmp_path: Path, name: str) -> None:
    require_programs(root=True)
    hosts = tmp_path / "hosts"
    hosts.write_text(f"0.0.0.0 {name}\n")
    script = "mount --bind $1 /etc/hosts && exec python -m envbuild build --push --registry $2"
    with open_gate(Gate(registry)) as gate:
        host = gate.host.replace("127.0.0.1", name)
        command = ["unshare", "-m", "sh", "-c", script, "sh", str(hosts), host]
        done = subprocess.run(
            command, cwd=locked.root, env=locked.environment, capture_output=True, text=True, check=False
        )
        assert gate.asked == []
    assert done.returncode == 4, done
    assert f"error: `{host}` is no loopback address here\nhint: give it TLS, or allow pl" in done.stderr
