"""What a Dockerfile declares: each instruction that changes files is an action, the rest configuration."""

from envbuild.rule.dockerfile.build import build_image
from envbuild.rule.dockerfile.question import ask_images

__all__ = ["ask_images", "build_image"]
