"""The builtin that holds what a target states of an image against what is in it."""

from __future__ import annotations

from contextlib import ExitStack

from envbuild.archive.decompress import open_layer
from envbuild.archive.root_facts import find_facts, is_telling
from envbuild.archive.root_scan import RootScan
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import CHECKED


def check_facts(job: Job) -> None:
    """Succeed where the layers have the stated C library and Python; raises BuildError with both values."""
    root = RootScan(is_telling)
    for layer in job.inputs.values():
        with ExitStack() as stack:
            root.add_layer(open_layer(stack.enter_context(layer.open("rb"))))
    found = find_facts(root)
    for name in ("libc", "python", "interpreter"):
        stated, actual = job.parameters[name], found.get(name, "")
        if name == "interpreter":
            stated = f"/{root.resolve(stated)}"  # which may be a link, such as `python3`
        if stated != actual and not (name == "python" and actual.startswith(f"{stated}.")):
            raise BuildError(
                f"the target states `{name}: {job.parameters[name]}`, but its image has "
                + (f"`{actual}`" if actual else "none"),
                hint=f"state what the Dockerfile makes: `{name}: {actual}`" if actual else "install one",
            )
    job.outputs[CHECKED].write(b"the image is as it is stated to be\n")
