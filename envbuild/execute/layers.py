"""Builtins that make layers: each opens its inputs, calls the archive function, and writes three outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from envbuild.archive.layer_info import LayerInfo
from envbuild.archive.listing import encode_listing, parse_listing
from envbuild.core.errors import ArchiveError
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import LAYER, LAYER_INFO, LISTING


def make_wheel_layer(job: Job) -> None:
    """A wheel's files under a prefix."""
    from envbuild.archive.wheel import write_wheel_layer

    options = job.parameters
    # Each read is of as much as is wanted.
    with blame_package(), job.inputs["wheel"].open("rb", buffering=0) as wheel:
        info = write_wheel_layer(
            wheel,
            job.outputs[LAYER],
            file_name=options["file"],
            prefix=options["prefix"],
            python=options["python"],
            epoch=options["epoch"],
        )
    finish_layer(job, info)


def make_conda_layer(job: Job) -> None:
    """A conda package's files under a prefix."""
    from envbuild.archive.conda_layer import write_conda_layer

    options = job.parameters
    with blame_package(), job.inputs["package"].open("rb") as package:
        info = write_conda_layer(
            package,
            job.outputs[LAYER],
            prefix=options["prefix"],
            python=options["python"],
            site_packages=options["site_packages"],
            record=options["record"],
            epoch=options["epoch"],
        )
    finish_layer(job, info)


def make_conda_root(job: Job) -> None:
    """What makes a prefix an environment for conda."""
    from envbuild.archive.conda_root import write_conda_root

    options = job.parameters
    finish_layer(job, write_conda_root(job.outputs[LAYER], prefix=options["prefix"], epoch=options["epoch"]))


def make_deb_layer(job: Job) -> None:
    """A Debian package's files, for merged /usr unless the root is not."""
    from envbuild.archive.deb import write_deb_layer

    merged_usr, epoch = job.parameters.get("merged_usr", True), job.parameters["epoch"]
    with blame_package(), job.inputs["deb"].open("rb") as deb:
        finish_layer(job, write_deb_layer(deb, job.outputs[LAYER], merged_usr=merged_usr, epoch=epoch))


def make_debian_root(job: Job) -> None:
    """The folders and links that lie below every Debian package."""
    from envbuild.archive.debian_root import write_root_layer

    options = job.parameters
    info = write_root_layer(job.outputs[LAYER], architecture=options["architecture"], epoch=options["epoch"])
    finish_layer(job, info)


def make_debian_state(job: Job) -> None:
    """What maintainer scripts would have written."""
    from envbuild.archive.debian_state import write_state_layer

    with blame_package(), open_all(job.inputs) as debs:
        finish_layer(job, write_state_layer(debs, job.outputs[LAYER], epoch=job.parameters["epoch"]))


def make_debian_addition(job: Job) -> None:
    """What the scripts of further packages would have changed."""
    from envbuild.archive.debian_addition import write_addition_layer
    from envbuild.archive.dpkg_database import read_status

    options = job.parameters
    with (
        blame_package(),
        open_below(job.inputs, "base/") as base,
        open_below(job.inputs, "added/") as added,
        open_below(job.inputs, "status/") as layers,
    ):
        info = write_addition_layer(
            base,
            added,
            job.outputs[LAYER],
            kept=options["kept"],
            alternatives=options["alternatives"],
            status=read_status(layers),
            epoch=options["epoch"],
        )
    finish_layer(job, info)


def make_shim_layer(job: Job) -> None:
    """The program that activates a conda environment."""
    from envbuild.archive.conda_shim import write_shim_layer

    options = job.parameters
    scripts, epoch = options["scripts"], options["epoch"]
    finish_layer(
        job, write_shim_layer(job.outputs[LAYER], prefix=options["prefix"], scripts=scripts, epoch=epoch)
    )


def make_venv_layer(job: Job) -> None:
    """The skeleton of a virtual environment."""
    from envbuild.archive.venv import write_venv_layer

    options = job.parameters
    info = write_venv_layer(
        job.outputs[LAYER],
        prefix=options["prefix"],
        version=options["version"],
        interpreter=options["interpreter"],
        epoch=options["epoch"],
    )
    finish_layer(job, info)


def make_files_layer(job: Job) -> None:
    """Files of the workspace at their destinations."""
    from envbuild.archive.file_layer import write_files_layer

    options = job.parameters
    placed = [
        (path, partial(_open, job.inputs[f"files/{n:05}"]), mode)
        for n, (path, mode) in enumerate(options["files"])
    ]
    info = write_files_layer(
        placed,
        job.outputs[LAYER],
        merged_usr=options["merged_usr"],
        folders=options.get("folders", {}),
        epoch=options["epoch"],
    )
    finish_layer(job, info)


def make_merged_layer(job: Job) -> None:
    """Several layers as one."""
    from envbuild.archive.merge import MergePart, merge_layers

    names = sorted({path.partition("/")[0] for path in job.inputs})
    with ExitStack() as stack:
        parts = [
            MergePart(
                stack.enter_context(job.inputs[f"{name}/{LAYER}"].open("rb")),
                LayerInfo.from_json(job.inputs[f"{name}/{LAYER_INFO}"].read_bytes()),
                parse_listing(job.inputs[f"{name}/{LISTING}"].read_bytes()),
            )
            for name in names
        ]
        info = merge_layers(parts, job.outputs[LAYER], epoch=job.parameters["epoch"])
    job.outputs[LAYER_INFO].write(info.to_json())


def finish_layer(job: Job, info: LayerInfo) -> None:
    """Write what is known of a layer beside it."""
    job.outputs[LAYER_INFO].write(info.to_json())
    job.outputs[LISTING].write(encode_listing(info.entries))


@contextmanager
def blame_package() -> Iterator[None]:
    """An archive that cannot be read has the bytes that are locked: it is what was published."""
    try:
        yield
    except ArchiveError as error:
        error.hint = error.hint or "take another version of the package, and tell who publishes it"
        raise


@contextmanager
def open_all(inputs: Mapping[str, Path]) -> Iterator[Sequence[BinaryIO]]:
    """All inputs, open, in order of their paths."""
    with ExitStack() as stack:
        yield [stack.enter_context(path.open("rb")) for _, path in sorted(inputs.items())]


@contextmanager
def open_below(inputs: Mapping[str, Path], folder: str) -> Iterator[Sequence[BinaryIO]]:
    """The inputs below a folder, open, in order of their paths."""
    with open_all({path: file for path, file in inputs.items() if path.startswith(folder)}) as files:
        yield files


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
