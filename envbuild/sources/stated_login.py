"""Logins of registries that are where the workspace says: in environment variables, or in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import RegistryError
from envbuild.sources.credentials import RegistryLogin, read_login_file


@dataclass(frozen=True, slots=True)
class VariableCredentials:
    """A login in two environment variables."""

    username: str
    password: str
    environment: Mapping[str, str]

    def find(self, host: str) -> RegistryLogin | None:
        """The login; raises RegistryError where a variable is not set."""
        missing = [name for name in (self.username, self.password) if not self.environment.get(name)]
        if missing:
            listed = " and ".join(f"`{name}`" for name in missing)
            raise RegistryError(
                f"the login for `{host}` is to be in {listed}, which the environment does not have",
                hint="set it, or take it out of envbuild.yaml",
            )
        return RegistryLogin(self.environment[self.username], self.environment[self.password])


@dataclass(frozen=True, slots=True)
class FileCredentials:
    """A login in a file: one line `user:password`, or JSON as in Docker's config.json."""

    file: Path

    def find(self, host: str) -> RegistryLogin | None:
        """The login; raises RegistryError where the file is not there or has none for this host."""
        login = read_login_file(self.file, host)
        if login is None:
            raise RegistryError(
                f"`{self.file}` has no login for `{host}`",
                hint="write `user:password` into it, or `auths` as in Docker's config.json",
            )
        return login
