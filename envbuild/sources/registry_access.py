"""How a workspace's registries are reached, as a value that can be kept: no login is in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from envbuild.core.dataclass import dataclass, field
from envbuild.sources.authorization import Credentials
from envbuild.sources.http import HttpClient
from envbuild.sources.registry import RegistryClient


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """What registries are called and need, all of it as JSON has it.

    `aliases` lead to `host[:port][/path]`. `logins` say by host where the workspace has its login: a file's
    path, or the names of two environment variables. Hosts of `plain_http` may do without TLS.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    logins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    plain_http: Sequence[str] = ()

    def connect(self, http: HttpClient, host: str) -> RegistryClient:
        """The client that speaks to a host; its login is looked for when it is asked for one."""
        credentials = find_credentials(self.logins.get(host, ()))
        return RegistryClient(http, host, credentials, plain_http=host in self.plain_http)


def find_credentials(login: Sequence[str]) -> Credentials:
    """Where a login comes from: what the workspace states and nothing else, or Docker's places."""
    from envbuild.sources.credentials import DockerCredentials
    from envbuild.sources.stated_login import FileCredentials, VariableCredentials

    match login:
        case [file]:
            return FileCredentials(Path(file))
        case [username, password]:
            return VariableCredentials(username, password, os.environ)
        case _:
            return DockerCredentials(os.environ)
