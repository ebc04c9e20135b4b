"""The account files: what base-passwd and passwd make when they are configured (passwd(5), shadow(5))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from envbuild.archive.nodes import File, Node

PASSWD: Final = "usr/share/base-passwd/passwd.master"  # noqa: S105  # a path
GROUP: Final = "usr/share/base-passwd/group.master"

_SHADOW: Final = 42  # base-passwd's group.master
_MINIMAL: Final = {
    PASSWD: b"root:*:0:0:root:/root:/bin/sh\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    GROUP: b"root:*:0:\nnogroup:*:65534:\n",
}
# No date of the last change: an empty field turns password ageing off, and a date would be a clock's.
_AGEING: Final = b"::0:99999:7:::"


def account_files(templates: Mapping[str, bytes]) -> Iterator[Node]:
    """Accounts of base-passwd's masters, of root and nobody without them; every password is locked."""
    for template, name, rest in ((PASSWD, "passwd", _AGEING), (GROUP, "group", b"::")):
        lines = templates.get(template, _MINIMAL[template]).splitlines()
        yield File(f"etc/{name}", b"".join(map(_with_shadow, lines)))
        shadow = "shadow" if name == "passwd" else "gshadow"
        locked = b"".join(line.partition(b":")[0] + b":*" + rest + b"\n" for line in lines)
        yield File(f"etc/{shadow}", locked, 0o640, _SHADOW)


def _with_shadow(line: bytes) -> bytes:
    """A line that says that its password lies in the shadow file."""
    name, _, rest = line.partition(b":")
    return name + b":x:" + rest.partition(b":")[2] + b"\n"
