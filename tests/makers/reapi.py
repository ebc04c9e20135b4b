"""The messages of the Remote Execution API v2 that we write by hand, as Google's protobuf knows them.

Field numbers are those of build/bazel/remote/execution/v2/remote_execution.proto, v2.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "build.bazel.remote.execution.v2"
_FIELD = descriptor_pb2.FieldDescriptorProto
_TYPES = {"string": _FIELD.TYPE_STRING, "int": _FIELD.TYPE_INT64, "int32": _FIELD.TYPE_INT32}
_TYPES |= {"bool": _FIELD.TYPE_BOOL, "bytes": _FIELD.TYPE_BYTES}

# Message -> fields: number, name, type ("*" before it: repeated).
_MESSAGES = {
    "Digest": [(1, "hash", "string"), (2, "size_bytes", "int")],
    "Property": [(1, "name", "string"), (2, "value", "string")],
    "Platform": [(1, "properties", "*Property")],
    "EnvironmentVariable": [(1, "name", "string"), (2, "value", "string")],
    "Command": [
        (1, "arguments", "*string"),
        (2, "environment_variables", "*EnvironmentVariable"),
        (6, "working_directory", "string"),
        (7, "output_paths", "*string"),
    ],
    "Action": [
        (1, "command_digest", "Digest"),
        (2, "input_root_digest", "Digest"),
        (7, "do_not_cache", "bool"),
        (9, "salt", "bytes"),
        (10, "platform", "Platform"),
    ],
    "FileNode": [(1, "name", "string"), (2, "digest", "Digest"), (4, "is_executable", "bool")],
    "DirectoryNode": [(1, "name", "string"), (2, "digest", "Digest")],
    "SymlinkNode": [(1, "name", "string"), (2, "target", "string")],
    "Directory": [
        (1, "files", "*FileNode"),
        (2, "directories", "*DirectoryNode"),
        (3, "symlinks", "*SymlinkNode"),
    ],
    "OutputFile": [
        (1, "path", "string"),
        (2, "digest", "Digest"),
        (4, "is_executable", "bool"),
        (5, "contents", "bytes"),
    ],
    "ActionResult": [
        (2, "output_files", "*OutputFile"),
        (4, "exit_code", "int32"),
        (5, "stdout_raw", "bytes"),
        (6, "stdout_digest", "Digest"),
    ],
}


def message(name: str) -> Any:
    """The class of a message."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _describe() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="reapi.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        described = file.message_type.add(name=name)
        for number, field, kind in fields:
            _add_field(described, number, field, kind)
    return file


def _add_field(described: Any, number: int, name: str, kind: str) -> None:
    label = _FIELD.LABEL_REPEATED if kind.startswith("*") else _FIELD.LABEL_OPTIONAL
    field = described.field.add(name=name, number=number, label=label)
    kind = kind.removeprefix("*")
    if kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_describe())
