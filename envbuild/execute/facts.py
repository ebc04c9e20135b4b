"""The builtin that holds what a target states of an image against what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from envbuild.archive.decompress import open_layer
from envbuild.archive.root_facts import find_facts, find_interpreters, is_telling
from envbuild.archive.root_scan import RootScan
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import CHECKED


def check_facts(job: Job) -> None:
    """Succeed where the layers have the stated C library and Python; raises BuildError with both values.

    Of a `program` only its path is stated.
    """
    root = RootScan(is_telling)
    for layer in job.inputs.values():
        with ExitStack() as stack:
            root.add_layer(open_layer(stack.enter_context(layer.open("rb"))))
    _require_program(root, job.parameters.get("program", ""))
    found = _facts_at(root, job.parameters.get("interpreter", ""))
    for name in ("libc", "python", "interpreter"):
        stated, actual = job.parameters.get(name), found.get(name, "")
        if stated is None:
            continue
        if name == "interpreter":
            stated = f"/{root.resolve(stated)}"  # which may be a link, such as `python3`
        if stated != actual and not (name == "python" and actual.startswith(f"{stated}.")):
            raise BuildError(
                f"the target states `{name}: {job.parameters[name]}`, but its image has "
                + (f"`{actual}`" if actual else "none"),
                hint=f"state what the Dockerfile makes: `{name}: {actual}`" if actual else "install one",
            )
    job.outputs[CHECKED].write(b"the image is as it is stated to be\n")


def _facts_at(root: RootScan, interpreter: str) -> Mapping[str, str]:
    """What the root has, with the interpreter at this path where it is one of several."""
    path = f"/{root.resolve(interpreter)}"
    version = find_interpreters(root).get(path)
    return find_facts(root) | ({"python": version, "interpreter": path} if version else {})


def _require_program(root: RootScan, path: str) -> None:
    if path and not root.exists(root.resolve(path)):
        raise BuildError(
            f"the target states `interpreter: {path}`, but its image has none there",
            hint="install one, or state another path",
        )
