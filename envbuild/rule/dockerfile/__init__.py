"""What a Dockerfile declares: each instruction that changes files is an action, the rest configuration.

What reads one is imported when it is asked for: most targets have none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from envbuild.rule.dockerfile.base import (
    ATTRIBUTES,
    ask_base,
    build_base,
    check_facts,
    check_program,
    find_ground,
)

if TYPE_CHECKING:
    from envbuild.rule.dockerfile.build import build_image
    from envbuild.rule.dockerfile.question import ask_images

__all__ = [
    "ATTRIBUTES",
    "ask_base",
    "ask_images",
    "build_base",
    "build_image",
    "check_facts",
    "check_program",
    "find_ground",
]

_HOMES = {"ask_images": "question", "build_image": "build"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `{__name__}` has no `{name}`")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
