"""What `conda-meta` is told of a package from its lock: nothing but what the lock and the spec say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envbuild.lock.model import Locked

# Channels are named by alias in a lock, and records have URLs: conda wants a scheme of at most 12 characters.
_SCHEME = "envbuild://"


def describe_package(artifact: Locked, requested: Sequence[str]) -> dict[str, Any]:
    """The channel's record of a locked conda package; `requested` are the spec's words that ask for it."""
    record = artifact.conda
    assert record is not None, "only conda packages have a record"
    url = f"{_SCHEME}{artifact.source}/{artifact.file}" if artifact.source else artifact.file
    channel, subdir, name = url.rsplit("/", 2)
    told: dict[str, Any] = {
        "license": record.license,
        "md5": record.md5,
        "noarch": record.noarch,
        "python_site_packages_path": record.site_packages,
        "timestamp": record.timestamp,
        "track_features": " ".join(record.track_features),
    }
    return {
        **{field: value for field, value in told.items() if value},
        "name": artifact.name,
        "version": artifact.version,
        "build": record.build,
        "build_number": record.build_number,
        "depends": list(artifact.requires),
        "constrains": list(record.constrains),
        "subdir": subdir,
        "fn": name,
        "url": url,
        "channel": channel,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "requested_specs": list(requested),
    }
