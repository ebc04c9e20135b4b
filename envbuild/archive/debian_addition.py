"""The layer above Debian packages that are added to a base: what their scripts would have changed there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import BinaryIO, Final

from envbuild.archive.debian_state import RECORDS, state_nodes
from envbuild.archive.dpkg_database import record_packages
from envbuild.archive.layer import EPOCH, Sink
from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.nodes import write_nodes

# What an image of others has and is not made again, as it is not known of which packages it was made.
_PLACES: Final = {
    "accounts": ("etc/passwd", "etc/shadow", "etc/group", "etc/gshadow"),
    "certificates": ("etc/ssl/certs/", "etc/ca-certificates.conf"),
}


def write_addition_layer(
    base: Sequence[BinaryIO],
    added: Sequence[BinaryIO],
    out: Sink,
    *,
    kept: Collection[str],
    alternatives: Mapping[str, int],
    status: bytes = b"",
    epoch: int = EPOCH,
) -> LayerInfo:
    """Write the state of a system of all these packages, as far as that of the `base` alone is another.

    Of an image below, `kept` says what stays as it is (`accounts`, `certificates`), and `alternatives`
    the priorities of what is chosen there. Where it has a `status` of dpkg's, the packages are recorded
    there, and not where scanners look for those of images without one. Raises ArchiveError for a damaged
    package or two of one name.
    """
    before = set(state_nodes(base, alternatives))
    places = tuple(place for name in kept for place in _PLACES[name])
    after = state_nodes([*base, *added], alternatives)
    if status:
        places = (*places, RECORDS)
    nodes = [node for node in after if node not in before and not node.path.startswith(places)]
    records = record_packages(status, added) if status else ()
    return write_nodes([*nodes, *records], out, epoch=epoch)
