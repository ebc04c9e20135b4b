"""Post-link scripts of conda packages (CEP 34): off, and where the spec names them, a step in the sandbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from envbuild.core.platform import Platform
from envbuild.lock.check_conda import spec_name
from envbuild.lock.model import Locked
from envbuild.rule.image import ForeignLayer, Layer, Part
from envbuild.rule.step import declare_step, stack

MNEMONIC: Final = "PostLink"
_QUIET: Final = {"LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "TZ": "UTC"}
# As conda runs them: with these variables, and with what they want to say in a file.
_PROGRAM: Final = """\
shell=$1
shift
while [ $# -gt 0 ]; do
    export PKG_NAME=$1 PKG_VERSION=$2 PKG_BUILDNUM=$3
    shift 3
    "$shell" "$PREFIX/bin/.$PKG_NAME-post-link.sh" || {
        code=$?
        echo "the post-link script of $PKG_NAME failed with exit code $code" >&2
        exit $code
    }
    if [ -e "$PREFIX/.messages.txt" ]; then
        while read -r line; do echo "$PKG_NAME: $line"; done < "$PREFIX/.messages.txt"
        rm "$PREFIX/.messages.txt"
    fi
done
"""


def run_scripts(
    packages: Collection[Locked],
    everything: Sequence[Locked],
    below: Sequence[ForeignLayer | Layer],
    variables: Mapping[str, str],
    platform: Platform,
    epoch: int,
) -> Part:
    """What the post-link scripts of some packages change, run on the layers `below` without the network.

    `everything` is what the environment is locked to: what others need comes first.
    """
    available = [each for each in everything if each.conda]
    own_shell = any(each.name == "bash" for each in available)
    shell = f"{variables['CONDA_PREFIX']}/bin/bash" if own_shell else "/bin/sh"
    chosen = [each for each in sort_by_needs(available) if each in packages]
    arguments = [text for each in chosen for text in _describe(each)]
    owner = "post-link scripts"
    action = declare_step(
        MNEMONIC,
        owner,
        [shell, "-c", _PROGRAM, "post-link", shell, *arguments],
        {**_QUIET, **variables, "PREFIX": variables["CONDA_PREFIX"]},
        stack(layer.blob for layer in below),
        platform=platform,
        epoch=epoch,
    )
    return Part(owner, action, overrides=True)


def sort_by_needs(packages: Sequence[Locked]) -> tuple[Locked, ...]:
    """Each package behind those that it needs, else by name; where they need each other, by name."""
    by_name = {each.name: each for each in sorted(packages)}
    found: dict[str, Locked] = {}
    waiting = [(each, False) for each in reversed(by_name.values())]
    entered: set[str] = set()
    while waiting:
        each, entered_before = waiting.pop()
        if entered_before:
            found.setdefault(each.name, each)
        elif each.name not in entered:
            entered.add(each.name)
            needs = {spec_name(text) for text in each.requires} & by_name.keys()
            waiting.append((each, True))
            waiting += [(by_name[name], False) for name in sorted(needs, reverse=True)]
    return tuple(found.values())


def _describe(package: Locked) -> tuple[str, str, str]:
    """What a script is told of its package."""
    assert package.conda is not None
    return package.name, package.version, str(package.conda.build_number)
