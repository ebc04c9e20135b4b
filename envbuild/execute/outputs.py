"""What an action wrote, kept."""

from __future__ import annotations

from collections.abc import Mapping

from envbuild.core.action import ActionResult
from envbuild.core.protocols import BlobStore, BlobWriter


def commit_outputs(store: BlobStore, outputs: Mapping[str, BlobWriter]) -> ActionResult:
    """Make all outputs readable; the result is `unchanged` where the store had every one of them."""
    missing = store.missing(writer.digest() for writer in outputs.values())
    return ActionResult({path: writer.commit() for path, writer in outputs.items()}, unchanged=not missing)
