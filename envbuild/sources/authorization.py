"""Authorization at a registry: answers to its challenges (RFC 7617, and the distribution's token spec)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Final, Protocol
from urllib.parse import urlencode

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import RegistryError
from envbuild.core.pattern import compile_later
from envbuild.core.wire import parse_json
from envbuild.sources.credentials import RegistryLogin
from envbuild.sources.http import HttpClient, basic_authorization
from envbuild.sources.registry_address import Address
from envbuild.sources.registry_errors import advise, registry_errors
from envbuild.sources.response import Response, describe_status

_SCHEME: Final = compile_later(r"\s*,?\s*(Bearer|Basic)\s+", re.IGNORECASE)
_PARAMETER: Final = compile_later(r'\s*,?\s*([A-Za-z_-]+)="((?:[^"\\]|\\.)*)"')
_MAX_TOKEN: Final = 1 << 20
_REFUSED: Final = (400, 401, 403)  # what token servers answer to a wrong login


class Credentials(Protocol):
    """Where logins come from."""

    def find(self, host: str) -> RegistryLogin | None:
        """The login for a registry, or None for anonymous access."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is for: a repository and actions ("pull", "pull,push")."""

    repository: str
    actions: str

    def __str__(self) -> str:
        return f"repository:{self.repository}:{self.actions}"

    def covers(self, other: Scope) -> bool:
        """Whether a token for this is one for the other, too."""
        return self.repository == other.repository and {*other.actions.split(",")} <= {
            *self.actions.split(",")
        }


class Authorizer:
    """Knows the Authorization header for each set of scopes of one registry. Safe for several threads."""

    def __init__(self, http: HttpClient, address: Address, credentials: Credentials) -> None:
        self._http = http
        self._address = address
        self._host = address.host
        self._credentials = credentials
        self._headers: dict[tuple[Scope, ...], str] = {}
        self._basic = ""  # a login itself is good for everything
        self._lock = Lock()

    def header(self, scopes: tuple[Scope, ...]) -> str:
        """What to send, or "" while the registry has asked for nothing.

        It is what was got for these scopes or, if nothing was, for more: who waits to be refused has
        sent a whole layer by then.
        """
        if scopes in self._headers or self._basic:
            return self._headers.get(scopes, self._basic)
        for known, header in list(self._headers.items()):
            if all(any(scope.covers(wanted) for scope in known) for wanted in scopes):
                return header
        return ""

    def answer(self, response: Response, scopes: tuple[Scope, ...], sent: str) -> str:
        """The header that answers a 401, or "" where there is none to give; raises RegistryError.

        `sent` is the header that was refused: several threads refused at once ask for one token.
        """
        with self._lock:
            known = self.header(scopes)
            if known and known != sent:
                return known
            header = self._answer(response, scopes)
            if header and header != sent:
                self._headers[scopes] = header
                return header
            return ""

    def _answer(self, response: Response, scopes: tuple[Scope, ...]) -> str:
        challenges = _read_challenges(response.headers.get("WWW-Authenticate", ""))
        login = self._credentials.find(self._host)
        if "bearer" in challenges:
            return f"Bearer {self._ask_token(challenges['bearer'], login, scopes)}"
        if "basic" in challenges and login and login.user:
            self._basic = basic_authorization((login.user, login.secret))
            return self._basic
        return ""

    def _ask_token(
        self, challenge: Mapping[str, str], login: RegistryLogin | None, scopes: Iterable[Scope]
    ) -> str:
        realm = challenge.get("realm", "")
        if not realm:
            message = f"`{self._host}` wants a token, and names no server that gives one"
            raise RegistryError(message, hint="check the registry's address")
        self._address.check_protected(realm)
        fields = [("service", challenge.get("service", ""))] if challenge.get("service") else []
        fields += [("scope", str(scope)) for scope in scopes]
        page = self._http.read_answer(lambda: self._request_token(realm, fields, login), _MAX_TOKEN)
        return _read_token(page.body, self._host)

    def _request_token(
        self, realm: str, fields: list[tuple[str, str]], login: RegistryLogin | None
    ) -> Response:
        with registry_errors(self._address):
            response = self._send_token_request(realm, fields, login)
        if response.status != 200:
            response.close()
            status = 401 if response.status in _REFUSED else response.status
            raise RegistryError(
                f"the token server of `{self._host}` answered {describe_status(response.status)}",
                hint=advise(self._host, status),
            )
        return response

    def _send_token_request(
        self, realm: str, fields: list[tuple[str, str]], login: RegistryLogin | None
    ) -> Response:
        if login and not login.user:
            grant = {"grant_type": "refresh_token", "refresh_token": login.secret, "client_id": "envbuild"}
            # The OAuth2 form takes one scope field, with blanks between scopes.
            scope = " ".join(value for key, value in fields if key == "scope")
            others = {key: value for key, value in fields if key != "scope"}
            body = urlencode({**others, "scope": scope, **grant}).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return self._http.request("POST", realm, headers, body, retried=True)
        authorization = basic_authorization((login.user, login.secret)) if login else ""
        separator = "&" if "?" in realm else "?"
        url = f"{realm}{separator}{urlencode(fields)}"
        return self._http.get(url, {"Authorization": authorization} if authorization else {})


def _read_challenges(header: str) -> dict[str, dict[str, str]]:
    """The parameters of each challenge by scheme in lower case (RFC 9110, 11.6.1)."""
    challenges: dict[str, dict[str, str]] = {}
    at = 0
    while scheme := _SCHEME.match(header, at):
        parameters, at = {}, scheme.end()
        while parameter := _PARAMETER.match(header, at):
            parameters[parameter[1].lower()] = re.sub(r"\\(.)", r"\1", parameter[2])
            at = parameter.end()
        challenges.setdefault(scheme[1].lower(), parameters)
    return challenges


def _read_token(data: bytes, host: str) -> str:
    try:
        answer = parse_json(data)
        token = answer.get("token") or answer.get("access_token")
    except (ValueError, AttributeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise RegistryError(f"the token server of `{host}` answered no token", hint=advise(host, 500))
    return token
