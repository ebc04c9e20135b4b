"""JSON documents of the OCI image spec, read with their types checked: they come from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from envbuild.core.errors import EnvbuildError
from envbuild.core.wire import parse_json

MAX_SIZE: Final = 4 << 20  # bytes; the distribution spec ("Pushing Manifests") asks registries for this much


class BadImage(EnvbuildError):
    """An image's document, or what it refers to, breaks the OCI image spec."""


class Document:
    """A JSON object whose look-ups raise BadImage where the value is missing or of another type."""

    def __init__(self, values: Any, name: str) -> None:
        if not isinstance(values, dict):
            raise BadImage(f"{name} is no JSON object")
        self._values = values
        self._name = name

    @classmethod
    def parse(cls, data: bytes, name: str) -> Document:
        """Read a whole document of at most MAX_SIZE bytes."""
        if len(data) > MAX_SIZE:
            raise BadImage(f"{name} has {len(data)} bytes, more than the {MAX_SIZE} allowed")
        try:
            return cls(parse_json(data), name)
        except ValueError:
            raise BadImage(f"{name} is no JSON") from None

    def text(self, key: str, default: str | None = None) -> str:
        """A text; `default` where the key is absent, unless that is None."""
        value = self._values.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "text")
        return value

    def number(self, key: str) -> int:
        """A non-negative integer of at most 63 bits, as descriptor.md has sizes (`int64`)."""
        value = self._values.get(key)
        if type(value) is not int or not 0 <= value < 1 << 63:
            raise self._wrong(key, "non-negative integer")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where absent or null."""
        values = self._values.get(key) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self._wrong(key, "list of texts")
        return tuple(values)

    def table(self, key: str) -> Mapping[str, str]:
        """A mapping of texts to texts; empty where absent or null."""
        values = self._values.get(key) or {}
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise self._wrong(key, "mapping of texts")
        return values

    def object(self, key: str) -> Mapping[str, Any]:
        """An object of anything; empty where absent or null."""
        values = self._values.get(key) or {}
        if not isinstance(values, dict):
            raise self._wrong(key, "mapping")
        return values

    def keys(self, key: str) -> tuple[str, ...]:
        """The sorted keys of an object that is used as a set; empty where absent or null."""
        return tuple(sorted(self.object(key)))

    def part(self, key: str) -> Document:
        """An object inside."""
        return Document(self._values.get(key), f"`{key}` of {self._name}")

    def parts(self, key: str) -> tuple[Document, ...]:
        """A list of objects; empty where absent or null."""
        values = self._values.get(key) or []
        if not isinstance(values, list):
            raise self._wrong(key, "list")
        return tuple(Document(value, f"`{key}[{n}]` of {self._name}") for n, value in enumerate(values))

    def flag(self, key: str) -> bool:
        """A boolean; false where absent."""
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "boolean")
        return value

    def has(self, key: str) -> bool:
        """Whether there is a value that is not null."""
        return self._values.get(key) is not None

    def _wrong(self, key: str, kind: str) -> BadImage:
        return BadImage(f"`{key}` of {self._name} is no {kind}")
