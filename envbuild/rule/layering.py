"""Which packages share a layer: a pure function of the lock (docs/layering.md).

Big packages lie alone, so that a change of one moves only its own bytes; the tail is spread over a
fixed number of buckets by a hash of the name, so that a package's neighbours do not depend on
which other packages there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from envbuild.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """How many packages may lie alone, from which size in bytes on, and how many buckets there are."""

    alone: int
    threshold: int
    buckets: int


def plan_layers(packages: Iterable[tuple[str, int]], plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Names grouped into layers, from (name, size): big ones first, each alone, then the buckets.

    The order of `packages` is irrelevant; within a group names are sorted; no group is empty.
    """
    by_size = sorted(packages, key=lambda package: (-package[1], package[0]))
    big = [name for name, size in by_size[: plan.alone] if size >= plan.threshold]
    buckets: dict[int, list[str]] = {}
    for name, _ in sorted(by_size):
        if name not in big:
            buckets.setdefault(_bucket(name, plan.buckets), []).append(name)
    return (*((name,) for name in sorted(big)), *(tuple(buckets[key]) for key in sorted(buckets)))


def _bucket(name: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count
