"""A lock's conda packages as an explicit file: what `conda create --file` and micromamba read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envbuild.lock.check_conda import spec_name
from envbuild.lock.export.packages import Environment, Places
from envbuild.lock.model import Locked


def write_explicit(label: str, environment: Environment, places: Places) -> str:
    """The conda packages of one platform, each behind those that it depends on; `places` has every one."""
    platform = environment.facts.platform
    head = [
        f"# {label} for {platform}: written by `envbuild export`",
        f"# platform: {platform.conda}",
        "@EXPLICIT",
    ]
    urls = (f"{places[each.sha256]}#sha256:{each.sha256}" for each in _by_dependency(environment.conda))
    return "\n".join([*head, *urls]) + "\n"


def _by_dependency(packages: Sequence[Locked]) -> Iterator[Locked]:
    """What others need first, else by name; packages that need each other stay by name."""
    known = {each.name: each for each in packages}
    needs = {name: {spec_name(text) for text in each.requires} & known.keys() for name, each in known.items()}
    written: set[str] = set()
    while left := sorted(known.keys() - written):
        ready = [name for name in left if needs[name] - {name} <= written] or left[:1]
        yield from (known[name] for name in ready)
        written.update(ready)
