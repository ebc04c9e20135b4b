from __future__ import annotations

from typing import Any

import pytest

from envbuild.core.action import Action, ActionResult, Command, decode_digest
from envbuild.core.digest import BadDigest, Digest
from envbuild.core.errors import StoreError
from envbuild.core.tree import FileNode, build_tree, encode_digest
from tests.makers.reapi import message

SOME, EMPTY = Digest.of(b"some"), Digest.of(b"")
COMMAND = Command(
    ("envbuild", "wheel_layer", "1", ""),
    ("listing", "layer.tar.gz"),
    environment={"PATH": "/bin", "EMPTY": ""},
    properties={"pool": "big", "OSFamily": "linux"},
)


def as_message(digest: Digest) -> Any:
    return message("Digest")(hash=digest.hash, size_bytes=digest.size)


def test_a_digest_is_protobufs_digest() -> None:
    for digest in (SOME, EMPTY):  # a size of 0 is the default, and left out
        assert encode_digest(digest) == as_message(digest).SerializeToString()
        assert decode_digest(encode_digest(digest)) == digest


def command_message() -> Any:
    variable = message("EnvironmentVariable")
    return message("Command")(
        arguments=["envbuild", "wheel_layer", "1", ""],
        environment_variables=[variable(name="EMPTY", value=""), variable(name="PATH", value="/bin")],
        output_paths=["layer.tar.gz", "listing"],
    )


def test_a_command_is_protobufs_command() -> None:
    assert COMMAND.encode() == command_message().SerializeToString()
    assert Command((), ()).encode() == b""


def test_an_action_is_protobufs_action() -> None:
    tree = build_tree({"parameters.json": FileNode(SOME)})
    named = message("Property")
    expected = message("Action")(
        command_digest=as_message(Digest.of(COMMAND.encode())),
        input_root_digest=as_message(tree.root),
        platform=message("Platform")(
            properties=[named(name="OSFamily", value="linux"), named(name="pool", value="big")]
        ),
    )
    action = Action(COMMAND, tree, {})
    assert action.encode() == expected.SerializeToString()
    assert action.key == Digest.of(expected.SerializeToString())


def test_what_is_for_people_is_in_no_key() -> None:
    tree = build_tree({})
    told = Action(COMMAND, tree, {}, mnemonic="WheelLayer", subject="numpy", id="sha256:1")
    assert told.key == Action(COMMAND, tree, {}).key
    assert told == Action(COMMAND, tree, {})


def result_message(**more: Any) -> Any:
    files = [("a", EMPTY), ("b/c", SOME)]
    listed = [message("OutputFile")(path=path, digest=as_message(digest)) for path, digest in files]
    return message("ActionResult")(output_files=listed, **more)


def test_a_result_is_protobufs_result() -> None:
    result = ActionResult({"b/c": SOME, "a": EMPTY})
    assert result.encode() == result_message().SerializeToString()
    assert ActionResult.decode(result.encode()) == result


def test_a_result_that_a_server_made_is_read() -> None:
    # Servers add what they know: output, digests of it, exit code 0 left out.
    made = result_message(stdout_raw=b"hello", stdout_digest=as_message(SOME))
    assert ActionResult.decode(made.SerializeToString()).outputs == {"a": EMPTY, "b/c": SOME}


def test_a_failed_command_has_no_result() -> None:
    with pytest.raises(StoreError, match="failed"):
        ActionResult.decode(result_message(exit_code=1).SerializeToString())


@pytest.mark.parametrize(
    "made",
    [
        message("ActionResult")(output_files=[message("OutputFile")(path="a")]),
        message("ActionResult")(output_files=[message("OutputFile")(digest=as_message(SOME))]),
        message("ActionResult")(
            output_files=[
                message("OutputFile")(path="a", digest=message("Digest")(hash="../up", size_bytes=1))
            ]
        ),
    ],
)
def test_a_result_without_path_or_digest_is_refused(made: Any) -> None:
    with pytest.raises((StoreError, BadDigest)):
        ActionResult.decode(made.SerializeToString())


@pytest.mark.parametrize("data", [b"\x12", b"\x12\x05a", b"\xff" * 20, b"\x13", b"\x12\x03\x0a\x01\xff"])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(StoreError):
        ActionResult.decode(data)
