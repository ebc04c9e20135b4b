"""What a Dockerfile declares: each instruction that changes files is an action, the rest configuration."""

from envbuild.rule.dockerfile.base import (
    ATTRIBUTES,
    ask_base,
    build_base,
    check_facts,
    check_program,
    find_ground,
)
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
