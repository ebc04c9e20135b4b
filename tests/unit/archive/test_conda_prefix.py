"""Placeholders are replaced as conda and rattler do it; test_conda_rattler.py compares more of them."""

from __future__ import annotations

import pytest

from envbuild.archive.conda_prefix import MAX_SHEBANG, replace_prefix
from envbuild.core.errors import ArchiveError

OLD = "/builder/" + "p" * 40
LONG = "/opt/" + "p" * 150


def text(data: str, prefix: str = "/opt/env") -> str:
    return replace_prefix(bytearray(data.replace("OLD", OLD).encode()), OLD, prefix, binary=False).decode()


def binary(data: bytes, prefix: str = "/opt/env") -> bytes:
    return bytes(replace_prefix(bytearray(data.replace(b"OLD", OLD.encode())), OLD, prefix, binary=True))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a=OLD/lib:OLD\n", "a=/opt/env/lib:/opt/env\n"),
        ("nothing\n", "nothing\n"),
        ("#!OLD/bin/python\nOLD", "#!/opt/env/bin/python\n/opt/env"),
        ("#!OLD/bin/sh", "#!/opt/env/bin/sh"),
        ("", ""),
    ],
)
def test_text(before: str, after: str) -> None:
    assert text(before) == after


def test_bytes_that_are_no_text_stay() -> None:
    data = bytearray(b"#!/bin/sh \xff\n\0\xff" + OLD.encode())
    assert replace_prefix(data, OLD, "/opt/env", binary=False) == b"#!/bin/sh \xff\n\0\xff/opt/env"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "#!OLD/bin/python3.11 -E\nx\n",
            f"#!/bin/sh\n'''exec' \"{LONG}/bin/python3.11\" -E \"$0\" \"$@\" #'''\nx\n",
        ),
        ("#!OLD/bin/python\n", f"#!/bin/sh\n'''exec' \"{LONG}/bin/python\" \"$0\" \"$@\" #'''\n"),
        ("#! OLD/bin/perl -w\nOLD\n", f"#!/usr/bin/env perl -w\n{LONG}\n"),
        # No Python, and no path.
        ("#!OLD/bin/python3.11.2\n", "#!/usr/bin/env python3.11.2\n"),
        ("#!perl OLD\n", f"#!perl {LONG}\n"),
    ],
)
def test_a_path_that_is_too_long_for_a_first_line(before: str, after: str) -> None:
    assert text(before, LONG) == after


def test_the_length_that_a_first_line_may_have() -> None:
    room = MAX_SHEBANG - len("#!/bin/x")
    assert text("#!OLD/bin/x\n", "/" + "p" * (room - 1)) == "#!/" + "p" * (room - 1) + "/bin/x\n"
    assert text("#!OLD/bin/x\n", "/" + "p" * room) == "#!/usr/bin/env x\n"


def test_a_space_in_the_prefix() -> None:
    assert (
        text("#!OLD/bin/python\n", "/my env")
        == "#!/bin/sh\n'''exec' \"/my env/bin/python\" \"$0\" \"$@\" #'''\n"
    )
    assert text("#!OLD/bin/perl -w OLD\n", "/my env") == "#!/usr/bin/env perl -w /my env\n"
    # A line that has no placeholder has no space of ours.
    assert text("#!/bin/sh -e\nOLD\n", "/my env") == "#!/bin/sh -e\n/my env\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\0OLD/lib\0after\0", b"\0/opt/env/lib%b\0after\0"),
        (b"OLD/a:OLD/b\0x", b"/opt/env/a:/opt/env/b%b%b\0x"),
        (b"OLD\0OLD\0", b"/opt/env%b\0/opt/env%b\0"),
        (b"x:OLD and no end", b"x:/opt/env and no end%b"),
        (b"nothing\0", b"nothing\0"),
    ],
)
def test_binary(before: bytes, after: bytes) -> None:
    padding = bytes(len(OLD) - len("/opt/env"))
    replaced = binary(before)
    assert replaced == after.replace(b"%b", padding)
    assert len(replaced) == len(before.replace(b"OLD", OLD.encode()))


def test_a_placeholder_that_would_make_an_endless_text() -> None:
    data = bytearray(b"a" * 3_000_000)
    with pytest.raises(ArchiveError, match="would have more than"):
        replace_prefix(data, "a", "/" + "p" * 400, binary=False)
    assert len(replace_prefix(data, "a", "/pp", binary=False)) == 9_000_000


def test_a_prefix_that_does_not_fit() -> None:
    longest = "/" + "p" * (len(OLD) - 1)
    assert binary(b"OLD\0", longest) == longest.encode() + b"\0"
    with pytest.raises(ArchiveError, match="has room for 49") as error:
        binary(b"OLD\0", longest + "p")
    assert error.value.hint == "choose a shorter prefix"
    # Where it is not, nothing has to fit; and a text has room for any.
    assert binary(b"nothing\0", longest + "p") == b"nothing\0"
    assert text("OLD", longest + "p") == longest + "p"
