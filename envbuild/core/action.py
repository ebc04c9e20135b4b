"""Actions and their results: the REAPI v2 messages `Command`, `Action` and `ActionResult`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from envbuild.core.dataclass import dataclass, field
from envbuild.core.digest import Digest, parse_sha256
from envbuild.core.errors import StoreError
from envbuild.core.tree import Tree, encode_digest
from envbuild.core.wire import bytes_field, fields, message_field, text_field


@dataclass(frozen=True, slots=True)
class Command:
    """What runs: arguments in order; environment, outputs and properties as sets, sorted when encoded."""

    arguments: tuple[str, ...]
    output_paths: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The canonical `Command` message."""
        return b"".join(
            [
                *(text_field_always(1, argument) for argument in self.arguments),
                *(message_field(2, _pair(item)) for item in sorted(self.environment.items())),
                *(text_field_always(7, path) for path in sorted(self.output_paths)),
            ]
        )


@dataclass(frozen=True)
class Action:
    """A command on an input root; `key` is the REAPI action digest, the key of every action cache.

    `inputs` are the contents by input path, `inline` small files of the input root by path. `id`,
    `mnemonic` and `subject` say to people what it is; they are part of no digest.
    """

    command: Command
    tree: Tree
    inputs: Mapping[str, Digest] = field(compare=False)
    inline: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    mnemonic: str = field(default="", compare=False)
    subject: str = field(default="", compare=False)
    id: str = field(default="", compare=False)

    def encode(self) -> bytes:
        """The canonical `Action` message; platform properties stand in it, as v2.2 asks for."""
        platform = b"".join(message_field(1, _pair(item)) for item in sorted(self.command.properties.items()))
        return b"".join(
            [
                message_field(1, encode_digest(Digest.of(self.command.encode()))),
                message_field(2, encode_digest(self.tree.root)),
                bytes_field(10, platform),
            ]
        )

    @cached_property
    def key(self) -> Digest:
        """The digest of the encoded action, computed once."""
        return Digest.of(self.encode())


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The outputs of an action that succeeded, by output path.

    `unchanged` says of one that just ran that all of them were there before: what stands on them need
    not run. It is no part of the message.
    """

    outputs: Mapping[str, Digest]
    unchanged: bool = field(default=False, compare=False)

    def encode(self) -> bytes:
        """The `ActionResult` message with its output files in order of path."""
        return b"".join(
            message_field(2, text_field(1, path) + message_field(2, encode_digest(digest)))
            for path, digest in sorted(self.outputs.items())
        )

    @classmethod
    def decode(cls, data: bytes) -> ActionResult:
        """Read an `ActionResult`; raises StoreError where it is none, or one of a failed command."""
        outputs: dict[str, Digest] = {}
        for number, value in fields(data):
            if number == 2 and isinstance(value, bytes):
                path, digest = _decode_output(value)
                outputs[path] = digest
            elif number == 4 and value:
                raise StoreError("an action result is of a command that failed")
        return cls(outputs)


def text_field_always(number: int, value: str) -> bytes:
    """An element of a repeated string field: present even when empty."""
    return message_field(number, value.encode())


def _pair(item: tuple[str, str]) -> bytes:
    return text_field(1, item[0]) + text_field(2, item[1])


def _decode_output(data: bytes) -> tuple[str, Digest]:
    path, digest = "", Digest("", -1)
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            path = _text(value)
        elif number == 2 and isinstance(value, bytes):
            digest = decode_digest(value)
    if not path or digest.size < 0:
        raise StoreError("an action result has an output without path or digest")
    return path, digest


def decode_digest(data: bytes) -> Digest:
    """Read a REAPI `Digest`; raises EnvbuildError."""
    text, size = "", 0
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            text = _text(value)
        elif number == 2 and isinstance(value, int):
            size = value
    return Digest(parse_sha256(text), size)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise StoreError("a protobuf message holds text that is not UTF-8") from None
