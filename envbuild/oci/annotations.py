"""The annotations of our images (image spec, annotations.md)."""

from __future__ import annotations

from typing import Final

# The definition digest, "sha256:<hex>", whose first digits name the image.
DEFINITION: Final = "dev.envbuild.definition"
