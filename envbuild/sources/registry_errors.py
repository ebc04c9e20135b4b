"""What went wrong at a registry, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from envbuild.core.errors import RegistryError, SourceError
from envbuild.core.pattern import compile_later
from envbuild.core.wire import parse_json
from envbuild.sources.connections import PlainHttp
from envbuild.sources.http import PASSING, TransportError
from envbuild.sources.registry_address import Address
from envbuild.sources.response import Response, describe_status

_NO_ANSWER: Final = 0
_CODE: Final = compile_later(r"[A-Z][A-Z_]{2,39}\Z")
_MAX_ERROR: Final = 1 << 16
DAMAGED: Final = "something between here and the registry changes what is sent: try again, or use TLS"


class RegistryStatusError(RegistryError):
    """A registry answered with another status than those expected; 0 where no whole answer came.

    `passing` says whether another try may succeed, `retry_after` when the registry wants it.
    """

    def __init__(
        self, status: int, message: str, hint: str, *, passing: bool = False, retry_after: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.passing = passing
        self.retry_after = retry_after

    @property
    def answered(self) -> bool:
        """Whether there was an answer at all."""
        return self.status != _NO_ANSWER


def refuse(host: str, path: str, response: Response) -> RegistryStatusError:
    """The error for an answer of a status that was not expected."""
    status, code = response.status, _read_code(response)
    message = f"`{host}/{path}`: the registry answered {describe_status(status)}"
    return RegistryStatusError(
        status,
        f"{message}: `{code}`" if code else message,
        advise(host, status),
        passing=status in PASSING,
        retry_after=response.headers.get("Retry-After", ""),
    )


def advise(host: str, status: int) -> str:
    """What to do where a registry, or its token server, answers a status."""
    if status == 401:
        return login_hint(host)
    if status == 403:
        return "the login may not do this: ask for access to the repository, or log in as somebody else"
    if status == 404:
        return "check the registry's address and the repository: some registries want it created first"
    if status in PASSING:
        return "try again later"
    return "check the registry's address; its log may say why"


def login_hint(host: str) -> str:
    """What to do where a registry refuses us."""
    return f"log in: `docker login {host}`, or name a file with the login in `REGISTRY_AUTH_FILE`"


@contextmanager
def registry_errors(address: Address) -> Iterator[None]:
    """Failures of HTTP as failures of this registry."""
    host = address.host
    try:
        yield
    except PlainHttp as error:
        message = f"registry `{host}`: {error.message}"
        raise RegistryStatusError(_NO_ANSWER, message, address.plain_hint()) from error
    except TransportError as error:
        message = f"registry `{host}`: {error.message}"
        raise RegistryStatusError(_NO_ANSWER, message, error.hint, passing=error.passing) from error
    except SourceError as error:
        hint = error.hint or "check the address: this may be no registry"
        raise RegistryError(f"registry `{host}`: {error.message}", hint=hint) from error


def _read_code(response: Response) -> str:
    """The first error code that an answer states (distribution spec, "Error codes"), or ""."""
    if response.status == 401 or response.status not in range(400, 500):
        return ""
    try:
        code = parse_json(response.read(_MAX_ERROR))["errors"][0]["code"]
    except (SourceError, ValueError, LookupError, TypeError):
        return ""
    return code if isinstance(code, str) and _CODE.match(code) else ""
