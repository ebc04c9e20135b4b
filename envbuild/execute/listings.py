"""The builtin that lists what is in a layer which nobody listed when it was made."""

from __future__ import annotations

from envbuild.archive.decompress import open_layer
from envbuild.archive.listing import encode_listing
from envbuild.archive.root_scan import list_layer
from envbuild.execute.builtin import Job
from envbuild.rule.builtins import LAYER, LISTING


def make_listing(job: Job) -> None:
    """The listing of a layer; raises ArchiveError for one that is none."""
    with job.inputs[LAYER].open("rb") as file:
        job.outputs[LISTING].write(encode_listing(list_layer(open_layer(file))))
