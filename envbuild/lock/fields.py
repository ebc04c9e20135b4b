"""Reading values out of a lock's JSON: each function raises BadLock where the value is another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from envbuild.core.pattern import compile_later
from envbuild.core.text import excerpt

_FACTS = {
    "libc": compile_later(r"(?:glibc|musl) [0-9]{1,3}\.[0-9]{1,3}\Z"),
    "python": compile_later(r"[0-9]{1,3}\.[0-9]{1,3}(?:\.[0-9a-z]{1,16})?\Z"),
    "interpreter": compile_later(r"/.*\Z"),
    "dpkg": compile_later(r"(?:0|[1-9][0-9]{0,2})\Z"),
    "interpreters": compile_later(r"/[^ =]+=3[0-9a-z.]{2,20}(?: /[^ =]+=3[0-9a-z.]{2,20})*\Z"),
    "suite": compile_later(r"[a-z][a-z0-9-]*\Z"),
    "suites": compile_later(r"[a-z][a-z0-9-]*(?:/updates)?(?: [a-z][a-z0-9-]*(?:/updates)?)*\Z"),
    "components": compile_later(r"[a-z-]+(?: [a-z-]+)*\Z"),
    "left_out": compile_later(r"/etc/apt/[A-Za-z0-9_./-]+(?: /etc/apt/[A-Za-z0-9_./-]+)*\Z"),
    "virtual": compile_later(r"(?:__[a-z0-9_]+=[A-Za-z0-9_.!+-]+=[A-Za-z0-9_.]+(?: |\Z))*\Z"),
    "generation": compile_later(r"[0-9]{1,15}\Z"),
}


class BadLock(Exception):
    """What is wrong with a lock's bytes."""


def match(pattern: re.Pattern[str], value: object, what: str) -> str:
    """A text of this pattern."""
    found = text(value, what)
    if not pattern.match(found):
        raise BadLock(f"`{excerpt(found)}` is no {what}")
    return found


def text(value: object, what: str) -> str:
    """A text without control characters."""
    if not isinstance(value, str) or not value.isprintable():
        raise BadLock(f"{what} is not a text")
    return value


def texts(value: object, what: str) -> tuple[str, ...]:
    """A list of such texts."""
    found = items(value, what)
    if not are_texts(found):
        raise BadLock(f"{what} is not a text")
    return tuple(found)


def are_texts(values: list[Any]) -> bool:
    """Whether all are such texts, asked of all at once: locks hold tens of thousands."""
    try:
        return "".join(values).isprintable()
    except TypeError:
        return False


def items(value: object, what: str) -> list[Any]:
    """A list of anything."""
    if not isinstance(value, list):
        raise BadLock(f"{what} is not a list")
    return value


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """A mapping of texts to anything."""
    if not isinstance(value, dict):
        raise BadLock(f"{what} is not a mapping")
    return value


def facts(value: object, where: str) -> Mapping[str, str]:
    """What is known of a target, by name: each in the form that its readers rely on."""
    stated = mapping(value, f"the facts of {where}")
    only(stated, set(_FACTS), f"the facts of {where}")
    return {name: match(_FACTS[name], fact, f"fact `{name}`") for name, fact in stated.items()}


def only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    """Refuse keys that are not known."""
    if unknown := sorted(set(table) - known):
        raise BadLock(f"{where} has an unknown key `{excerpt(unknown[0])}`")
