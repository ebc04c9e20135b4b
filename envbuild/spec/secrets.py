"""Secrets of steps: the names they go by, and where their values are. The values are in nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from envbuild.core.dataclass import dataclass
from envbuild.core.errors import UsageError

_HINT: Final = "write `id=NAME,src=FILE`, or `id=NAME,env=VARIABLE`"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret's name, and the file or else the variable that holds its value."""

    name: str
    file: Path | None = None
    variable: str = ""

    def read(self, variables: Mapping[str, str]) -> bytes:
        """The value; raises UsageError where there is none."""
        if self.file is None:
            if self.variable not in variables:
                raise UsageError(
                    f"the secret `{self.name}` is in the variable `{self.variable}`, which is not set",
                    hint=f"run `export {self.variable}=...`, or name another place: {_HINT}",
                )
            return variables[self.variable].encode("utf-8", "surrogateescape")
        try:
            return self.file.read_bytes()
        except OSError as error:
            raise UsageError(
                f"the secret `{self.name}` cannot be read: `{self.file}`: {error.strerror}",
                hint="check the file's path and mode",
            ) from error


def parse_secret(text: str, folder: Path) -> Secret:
    """What `--secret` takes, as `docker build` does; files are relative to `folder`. Raises UsageError."""
    stated = dict(word.partition("=")[::2] for word in text.split(","))
    name, source = stated.pop("id", ""), stated.pop("src", "") or stated.pop("source", "")
    variable = stated.pop("env", "")
    if stated or not name or bool(source) == bool(variable):
        # Not repeated: somebody may have written the value itself.
        raise UsageError("a secret is stated in a form that is not known", hint=_HINT)
    return Secret(name, folder / Path(source).expanduser() if source else None, variable)


def as_sources(secrets: Mapping[str, Secret], variables: Mapping[str, str]) -> dict[str, Callable[[], bytes]]:
    """What reads each secret, at the moment that a step needs it."""

    def reader(secret: Secret) -> Callable[[], bytes]:
        return lambda: secret.read(variables)

    return {name: reader(secret) for name, secret in secrets.items()}
