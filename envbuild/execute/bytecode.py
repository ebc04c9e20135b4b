"""The builtin that finds bytecode which steps left behind: nobody would compare it with its module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from envbuild.archive.listing import Kind, parse_listing
from envbuild.archive.root_scan import OPAQUE, WHITEOUT
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import CHECKED

_CACHE: Final = "__pycache__"  # PEP 3147


def check_bytecode(job: Job) -> None:
    """Succeed where no step changed a module and left its bytecode; raises BuildError with both paths."""
    alive = dict(_compiled(job.inputs))
    stale: dict[str, tuple[str, str]] = {}
    for n, step in enumerate(job.parameters["steps"]):
        named = parse_listing(job.inputs[f"steps/{n:03}"].read_bytes())
        files = {each.path for each in named if each.kind is not Kind.DIRECTORY}
        gone = tuple(filter(None, map(_removed, files)))
        alive = {
            module: code for module, code in alive.items() if code not in files and not _is_in(code, gone)
        }
        stale = {module: found for module, found in stale.items() if module in alive}
        stale |= {module: (step, code) for module, code in alive.items() if module in files}
    for module, (step, code) in sorted(stale.items()):
        raise BuildError(
            f"`{step}` changes `/{module}`, but its bytecode stays and would be run in its place",
            hint=f"remove it in a step: `RUN rm /{code}`",
        )
    job.outputs[CHECKED].write(b"no step left the bytecode of another module\n")


def _compiled(inputs: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Modules and the paths of their bytecode."""
    for path, listing in inputs.items():
        if path.startswith("bytecode/"):
            for entry in parse_listing(listing.read_bytes()):
                folder, _, name = entry.path.rpartition("/")
                if entry.kind is Kind.FILE and folder.endswith(f"/{_CACHE}"):
                    yield f"{folder.removesuffix(_CACHE)}{name.partition('.')[0]}.py", entry.path


def _removed(path: str) -> str:
    """What a mark takes away, "" for no mark: a path, or with a slash all that is below it."""
    folder, _, name = path.rpartition("/")
    if name == OPAQUE:
        return f"{folder}/"
    return f"{folder}/{name.removeprefix(WHITEOUT)}" if name.startswith(WHITEOUT) else ""


def _is_in(path: str, gone: tuple[str, ...]) -> bool:
    return any(path == each or path.startswith(f"{each.rstrip('/')}/") for each in gone)
