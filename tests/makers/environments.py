"""Environments as exports see them: locked wheels per platform, and where these are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from envbuild.core.platform import Platform
from envbuild.lock.export.packages import Environment
from envbuild.lock.model import Locked
from tests.makers.questions import make_facts

AMD64, ARM64 = Platform.parse("linux/amd64"), Platform.parse("linux/arm64")


def make_locked(name: str, file: str = "", *, source: str = "main", requires: tuple[str, ...] = ()) -> Locked:
    """Version 1.0 of a wheel or an sdist of 10 bytes; it is a wheel named after it unless stated."""
    place = file or f"{name}-1.0-py3-none-any.whl"
    sha256 = hashlib.sha256(place.encode()).hexdigest()
    kind = "wheel" if place.endswith(".whl") else "sdist"
    return Locked(kind, name, "1.0", source, place, sha256, 10, requires)


def make_environment(*wheels: Locked, platform: Platform = AMD64) -> Environment:
    """The environment of these wheels, which are sorted by name."""
    return Environment(make_facts(target=str(platform)), wheels)


def serve(wheels: Iterable[Locked]) -> dict[str, str]:
    """The places of wheels: those of an index at a URL, others as they say themselves."""
    return {
        each.sha256: f"http://127.0.0.1/files/{each.file}" if each.source else each.file for each in wheels
    }
