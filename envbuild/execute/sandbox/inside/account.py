"""Who a program runs as: names are looked up in the image's own passwd(5) and group(5), as Docker does."""

from __future__ import annotations

from envbuild.execute.sandbox.inside.channel import Refusal

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from collections.abc import Iterator

_USERS = "/etc/passwd"
_GROUPS = "/etc/group"


class Account:
    """Numeric ids, the groups besides, and the home folder."""

    def __init__(self, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home


def find_account(stated: str) -> Account:
    """The account for `user`, `user:group`, or numbers in their place; "" is root. Raises Refusal.

    A number needs no entry. Without a group it is the user's own, with the groups that list the user.
    """
    user, _, group = stated.partition(":")
    name, uid, gid, home = _find_user(user or "0")
    if group:
        return Account(uid, _find_group(group), [], home)
    return Account(uid, gid, [gid for _, gid, members in _groups() if name and name in members], home)


def _find_user(user: str) -> tuple[str, int, int, str]:
    for name, uid, gid, home in _users():
        if user in (name, str(uid)):
            return name, uid, gid, home or "/"
    if not user.isdecimal():
        raise Refusal(f"the image has no user `{user}`", "make it in an earlier step, or state its number")
    return "", int(user), 0, "/"


def _find_group(group: str) -> int:
    for name, gid, _ in _groups():
        if group in (name, str(gid)):
            return gid
    if not group.isdecimal():
        raise Refusal(f"the image has no group `{group}`", "make it in an earlier step, or state its number")
    return int(group)


def _users() -> Iterator[tuple[str, int, int, str]]:
    for fields in _rows(_USERS, 7):
        if fields[2].isdecimal() and fields[3].isdecimal():
            yield fields[0], int(fields[2]), int(fields[3]), fields[5]


def _groups() -> Iterator[tuple[str, int, list[str]]]:
    for fields in _rows(_GROUPS, 4):
        if fields[2].isdecimal():
            yield fields[0], int(fields[2]), fields[3].split(",")


def _rows(path: str, count: int) -> Iterator[list[str]]:
    """The lines of an account file that have as many fields; none where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    yield from (fields for fields in (line.split(":") for line in lines) if len(fields) == count)
