"""Registry credentials, from where Docker and its kin keep them.

In this order: `DOCKER_AUTH_CONFIG` (the JSON itself), the file of `REGISTRY_AUTH_FILE`,
`DOCKER_CONFIG`/config.json or `~/.docker/config.json`, and `containers/auth.json` below
`XDG_RUNTIME_DIR`. The first that knows the host counts; a file may name credential helpers.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from envbuild.core.dataclass import dataclass, field
from envbuild.core.errors import RegistryError
from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt
from envbuild.core.wire import parse_json

_HELPER: Final = compile_later(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_HELPER_SECONDS: Final = 60.0  # a helper may have to ask its user
_IDENTITY: Final = "<token>"  # the user name under which helpers give an identity token
_HUB: Final = "index.docker.io"  # the name under which logins for docker.io are kept


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """A user with a password, or an identity token (OAuth2 refresh token) where `user` is empty."""

    user: str
    secret: str = field(repr=False)


class DockerCredentials:
    """Finds logins in the places that the environment names; asks anew each time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def find(self, host: str) -> RegistryLogin | None:
        """The login for a registry, or None; raises RegistryError if a file or helper is broken."""
        for origin, config in self._configs():
            login = _find_in(config, _hub_or(host), origin)
            if login:
                return login
        return None

    def _configs(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        inline = self._environment.get("DOCKER_AUTH_CONFIG")
        if inline:
            yield "DOCKER_AUTH_CONFIG", _parse(inline, "DOCKER_AUTH_CONFIG")
        for path in self._files():
            if path.is_file():
                yield str(path), _parse(_read(path), str(path))

    def _files(self) -> Iterator[Path]:
        environment = self._environment
        if environment.get("REGISTRY_AUTH_FILE"):
            yield Path(environment["REGISTRY_AUTH_FILE"])
        if environment.get("DOCKER_CONFIG"):
            yield Path(environment["DOCKER_CONFIG"]) / "config.json"
        elif environment.get("HOME"):
            yield Path(environment["HOME"]) / ".docker" / "config.json"
        if environment.get("XDG_RUNTIME_DIR"):
            yield Path(environment["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"


def read_login_file(path: Path, host: str) -> RegistryLogin | None:
    """What a file has for a registry: one line `user:password`, or JSON as in Docker's config.json.

    Raises RegistryError where the file cannot be read; what is in it is not shown.
    """
    text = _read(path).strip()
    if text.startswith("{"):
        return _find_in(_parse(text, str(path)), _hub_or(host), str(path))
    user, _, password = text.partition(":")
    return RegistryLogin(user, password) if user and password and "\n" not in text else None


def _hub_or(host: str) -> str:
    return _HUB if host in ("docker.io", "registry-1.docker.io") else host


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"the credentials in `{path}` cannot be read", hint="check its mode") from error


def _parse(text: str, origin: str) -> Mapping[str, Any]:
    try:
        config = parse_json(text.encode())
    except ValueError:
        config = None
    if not isinstance(config, dict):
        # Without the parser's words: they may quote a secret.
        raise RegistryError(
            f"the credentials in `{origin}` are no JSON object", hint="log in again, or mend it"
        )
    return config


def _find_in(config: Mapping[str, Any], host: str, origin: str) -> RegistryLogin | None:
    helpers = _table(config, "credHelpers")
    helper = helpers.get(host) or config.get("credsStore")
    login = _ask_helper(helper, host) if isinstance(helper, str) and helper else None
    return login or _find_entry(_table(config, "auths"), host, origin)


def _table(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _find_entry(auths: Mapping[str, Any], host: str, origin: str) -> RegistryLogin | None:
    for key, entry in auths.items():
        if _host_of(key) == host and isinstance(entry, dict):
            login = _read_entry(entry, host, origin)
            if login:
                return login
    return None


def _host_of(key: str) -> str:
    """The host of a key, which older programs wrote as a URL."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _read_entry(entry: Mapping[str, Any], host: str, origin: str) -> RegistryLogin | None:
    token, auth = entry.get("identitytoken"), entry.get("auth")
    user, password = entry.get("username"), entry.get("password")
    if isinstance(token, str) and token:
        return RegistryLogin("", token)
    if isinstance(auth, str) and auth:
        return _decode(auth, host, origin)
    if isinstance(user, str) and isinstance(password, str) and user:
        return RegistryLogin(user, password)
    return None


def _decode(auth: str, host: str, origin: str) -> RegistryLogin:
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except ValueError:  # no base64, or no UTF-8 in it
        user = colon = password = ""
    if not (user and colon):
        hint = f"log in again: `docker login {host}`"
        raise RegistryError(f"`auth` of `{host}` in `{origin}` is malformed", hint=hint)
    return RegistryLogin(user, password.rstrip("\0"))


def _ask_helper(helper: str, host: str) -> RegistryLogin | None:
    """What a credential helper has for a host, by Docker's protocol: host in, JSON out."""
    if not _HELPER.match(helper):
        raise RegistryError(
            f"`{excerpt(helper)}` is no credential helper's name", hint="mend Docker's config.json"
        )
    import subprocess

    program = f"docker-credential-{helper}"
    key = f"https://{_HUB}/v1/" if host == _HUB else host
    try:
        answer = subprocess.run(
            [program, "get"], input=key.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=False
        )
    except FileNotFoundError:
        hint = "install it, or take it out of Docker's config.json"
        raise RegistryError(f"the credential helper `{program}` is not on the PATH", hint=hint) from None
    except (OSError, subprocess.TimeoutExpired):
        raise RegistryError(
            f"the credential helper `{program}` does not work", hint=f"run `{program} list` to see why"
        ) from None
    # A host it does not know is an error to it, too: anonymous access may do.
    return _read_helper(answer.stdout, program, host) if answer.returncode == 0 else None


def _read_helper(output: bytes, program: str, host: str) -> RegistryLogin | None:
    try:
        values = parse_json(output)
        user, secret = values["Username"], values["Secret"]
    except (ValueError, KeyError, TypeError):
        raise RegistryError(
            f"the credential helper `{program}` answered no login",
            hint=f"run `docker login {host}`",
        ) from None
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        return None
    return RegistryLogin("" if user == _IDENTITY else user, secret)
