"""Which wheels fit a target, and which fits best (PEP 425, PEP 600, PEP 656)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from envbuild.core.errors import SpecError
from envbuild.core.pattern import compile_later
from envbuild.core.platform import Facts, Libc, Platform

if TYPE_CHECKING:
    from packaging.tags import Tag

_LIBC_TAG = compile_later(r"(many|musl)linux_(\d+)_(\d+)_")
# PEP 600 gives the names that came before it a glibc version.
_LEGACY = {"manylinux2014": (2, 17), "manylinux2010": (2, 12), "manylinux1": (2, 5)}
# Before these versions there are no wheels: PEP 513 begins with glibc 2.5 and x86-64.
_FIRST_GLIBC = {"x86_64": 5, "aarch64": 17}


def rank_wheel(file: str, facts: Facts) -> int | None:
    """How well a wheel fits, 0 is best; None where it does not fit, or its name is no wheel's."""
    ranks = _ranks(facts)
    return min((ranks[tag] for tag in _tags(file) if tag in ranks), default=None)


def needed_libc(files: Iterable[str], facts: Facts) -> Libc | None:
    """The least C library that all of these fitting wheels run on; None where none is bound to one."""
    ranks = _ranks(facts)
    needs = []
    for file in files:
        options = [_libc_of(tag.platform) for tag in _tags(file) if tag in ranks]
        if options and None not in options:
            needs.append(min(each for each in options if each is not None))
    if not needs or facts.libc is None:
        return None
    return Libc(facts.libc.family, max(needs))


def _tags(file: str) -> frozenset[Tag]:
    from packaging.utils import parse_wheel_filename

    try:
        return parse_wheel_filename(file.rpartition("/")[2])[3]
    except ValueError:
        return frozenset()


@lru_cache(maxsize=32)
def _ranks(facts: Facts) -> dict[Tag, int]:
    from packaging.tags import compatible_tags, cpython_tags

    if facts.python is None or facts.libc is None:
        raise SpecError("the target's Python and C library are not known", hint="state `python` and `libc`")
    version = tuple(int(part) for part in facts.python.minor.split("."))
    platforms = list(_platforms(facts.platform, facts.libc))
    interpreter = facts.python.abi
    tags = [
        *cpython_tags(version, [interpreter], platforms),
        *compatible_tags(version, interpreter, platforms),
    ]
    ranks: dict[Tag, int] = {}
    for rank, tag in enumerate(tags):
        ranks.setdefault(tag, rank)
    return ranks


def _platforms(platform: Platform, libc: Libc) -> Iterator[str]:
    """The platform tags that run on the target, best first."""
    major, minor = libc.version
    machine = platform.machine
    if libc.family == "musl":
        yield from (f"musllinux_{major}_{each}_{machine}" for each in range(minor, -1, -1))
    else:
        legacy = {version: name for name, version in _LEGACY.items()}
        for each in range(minor, _FIRST_GLIBC[machine] - 1, -1):
            yield f"manylinux_{major}_{each}_{machine}"
            if (major, each) in legacy:
                yield f"{legacy[major, each]}_{machine}"
    yield f"linux_{machine}"


def _libc_of(platform_tag: str) -> tuple[int, int] | None:
    """The libc version that a platform tag asks for; None where it asks for none."""
    if match := _LIBC_TAG.match(platform_tag):
        return int(match[2]), int(match[3])
    return _LEGACY.get(platform_tag.partition("_")[0])
