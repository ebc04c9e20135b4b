"""The annotations of our images (image spec, annotations.md)."""

from __future__ import annotations

from typing import Final

# The definition digest, "sha256:<hex>", whose first digits name the image.
DEFINITION: Final = "dev.envbuild.definition"

# The image below: its reference, and the digest of its manifest.
BASE_NAME: Final = "org.opencontainers.image.base.name"
BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
# The steps that had the network: what they made may be different each time.
IMPURE: Final = "dev.envbuild.impure"
