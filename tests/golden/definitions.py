"""Definition digests of all actions of a target of each shipped rule, as they are now.

`python -m tests.golden.definitions` writes them to definitions.json. What changes here changes the
name of everybody's images: they are all built again.
"""

from __future__ import annotations

import json
from pathlib import Path

from envbuild.core.digest import Digest
from envbuild.core.label import Label
from envbuild.lock.model import Build
from envbuild.rule.declared import walk
from envbuild.spec.dockerfile.context import ContextEntry
from envbuild.spec.dockerfile.parse import parse_dockerfile
from tests.makers.targets import AMD64, ARM64, RULES, World, make_file, make_locked

GOLDEN = Path(__file__).with_name("definitions.json")

_BOTH = (AMD64, ARM64)


def definitions() -> dict[str, dict[str, str]]:
    """By rule, the digests of the actions in the order of their mnemonics and subjects."""
    world = World()
    base = _declare_base(world)
    samples = {
        base: "debian_base",
        world.image("image", variables={"LANG": "C"}): "base_image",
        _declare_dockerfile(world, base): "dockerfile_image",
        _declare_environment(world, base): "environment",
    }
    assert set(samples.values()) == set(RULES)
    compiled = world.environment("compiled", [make_locked("six")], base=base, compile=True)
    source = world.environment("source", [make_locked("six", kind="sdist")], base=base, sdists=("six",))
    world.lock_builds(source, six=Build("b", (), ("setuptools",), (make_locked("setuptools"),)))
    more = {compiled: "environment that compiles", source: "environment that builds from source"}
    return {rule: _actions(world, label) for label, rule in (samples | more).items()}


def _declare_base(world: World) -> Label:
    debs = [
        make_locked("libc6", "2.36-9", kind="deb"),
        make_locked("python3.11-minimal", "3.11.2-6", kind="deb"),
    ]
    return world.debian("base", debs, variables={"LANG": "C.UTF-8"}, platforms=_BOTH)


_DOCKERFILE = b"""\
FROM scratch AS files
COPY etc /etc/
FROM base
ARG V=1
RUN --mount=type=cache,target=/c make V=$V
COPY --from=files --chown=1 /etc/x /srv/
"""


def _declare_dockerfile(world: World, base: Label) -> Label:
    return world.declare(
        "dockerfile_image",
        "steps",
        dockerfile=parse_dockerfile(_DOCKERFILE, "Dockerfile"),
        context=(ContextEntry("etc"), ContextEntry("etc/x", Digest.of(b"x"), source=Path("/nowhere/x"))),
        contexts={"base": base},
        args={"V": "2"},
    )


def _declare_environment(world: World, base: Label) -> Label:
    wheels = [make_locked("numpy", "2.0", size=20_000_000), make_locked("six"), make_locked("requests")]
    return world.environment(
        "app",
        wheels,
        base=base,
        files=(make_file("/app/main.py"), make_file("/app/run", executable=True)),
        variables={"A": "1"},
        workdir="/app",
        user="1000:1000",
        entrypoint=("python",),
        command=("/app/main.py",),
        labels={"team": "ours"},
        platforms=_BOTH,
    )


def _actions(world: World, label: Label) -> dict[str, str]:
    configured = world.configure(label)
    found = {f"{configured.action.mnemonic} {configured.action.subject}": configured.definition}
    for platform, image in configured.images.items():
        for action in walk(image.action):
            found[f"{platform} {action.mnemonic} {action.subject}"] = action.definition
    return found


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(definitions(), indent=2, sort_keys=True) + "\n")
