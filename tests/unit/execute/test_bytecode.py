"""Which steps leave bytecode of modules that they changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from envbuild.archive.listing import Entry, Kind, encode_listing
from envbuild.core.errors import BuildError
from envbuild.execute.builtin import Job
from envbuild.execute.bytecode import check_bytecode
from envbuild.rule.builtins import CHECKED
from envbuild.store.disk import DiskStore

MODULE, CODE = "s/one/deep.py", "s/one/__pycache__/deep.cpython-311.pyc"
OTHER = "s/other.py"


def run(folder: Path, *steps: Sequence[str]) -> None:
    """The check of steps that name these paths, on a layer with the bytecode of two modules."""
    listings = {"bytecode/000": [CODE, "s/__pycache__/other.cpython-311.pyc"]}
    listings |= {f"steps/{n:03}": list(paths) for n, paths in enumerate(steps)}
    inputs: dict[str, Path] = {}
    for name, paths in listings.items():
        inputs[name] = folder / name.replace("/", "-")
        folders = [Entry("s/one", Kind.DIRECTORY, 0o755)]
        inputs[name].write_bytes(encode_listing([*folders, *(Entry(p, Kind.FILE, 0o644) for p in paths)]))
    parameters = {"steps": [f"RUN {n}" for n in range(len(steps))]}
    with DiskStore(folder).writer() as out:
        check_bytecode(Job(parameters, inputs, {CHECKED: out}))


@pytest.mark.parametrize(
    "steps",
    [
        ([],),
        (["elsewhere/deep.py", "s/one/new.py"],),
        ([MODULE, CODE],),  # compiled anew
        ([MODULE, "s/one/__pycache__/.wh.deep.cpython-311.pyc"],),
        ([MODULE], ["s/one/.wh.__pycache__"]),
        ([MODULE], ["s/.wh.one"]),
        ([MODULE], ["s/one/.wh..wh..opq"]),
        (["s/one/.wh.__pycache__"], [MODULE]),
        (["s/one/.wh.deep.py"],),  # without its module it is not looked for
    ],
)
def test_nothing_stale(tmp_path: Path, steps: Sequence[Sequence[str]]) -> None:
    run(tmp_path, *steps)


@pytest.mark.parametrize(
    "steps",
    [
        (["x"], [MODULE]),
        ([], [MODULE], [OTHER, "s/__pycache__/.wh.other.cpython-311.pyc"]),
        ([], [MODULE, "s/one/__pycache__/deep.cpython-312.pyc"]),  # of another interpreter
    ],
)
def test_stale(tmp_path: Path, steps: Sequence[Sequence[str]]) -> None:
    with pytest.raises(BuildError) as caught:
        run(tmp_path, *steps)
    assert caught.value.message == (
        f"`RUN 1` changes `/{MODULE}`, but its bytecode stays and would be run in its place"
    )
    assert caught.value.hint == f"remove it in a step: `RUN rm /{CODE}`"
