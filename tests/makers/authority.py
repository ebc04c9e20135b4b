"""A certificate authority of a test's own, and servers that it vouches for; made by OpenSSL."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """`certificate` is what its clients must trust."""

    certificate: Path
    key: Path

    def vouch(self, folder: Path, name: str) -> ssl.SSLContext:
        """The TLS of a server that is called `name` ("DNS:host" or "IP:address")."""
        key, certificate = folder / "server.key", folder / "server.pem"
        signed = ["-CA", str(self.certificate), "-CAkey", str(self.key), "-addext", f"subjectAltName={name}"]
        _request(key, certificate, "server", *signed, "-addext", "basicConstraints=critical,CA:FALSE")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


def make_authority(folder: Path) -> Authority:
    """An authority whose files lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder / "authority.pem", folder / "authority.key")
    _request(authority.key, authority.certificate, "authority")
    return authority


def _request(key: Path, certificate: Path, name: str, *arguments: str) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={name}", *arguments]
    subprocess.run(command, check=True, capture_output=True)
