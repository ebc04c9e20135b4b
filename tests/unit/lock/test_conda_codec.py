"""What a lock says of a conda package: only what a lock can have said is read."""

from __future__ import annotations

from typing import Any

import pytest

from envbuild.lock.conda_codec import decode_conda, encode_conda
from envbuild.lock.fields import BadLock
from envbuild.lock.model import CondaRecord

FULL = CondaRecord(
    "py311_0",
    3,
    noarch="python",
    constrains=("other <2",),
    license="MIT",
    md5="0" * 32,
    timestamp=1,
    track_features=("old",),
    site_packages="lib/python3.11/site-packages",
    provides=("some-thing==1.0",),
    variables=("A=${CONDA_PREFIX}/share",),
    scripts=("etc/conda/activate.d/a.sh",),
    post_link=True,
)


@pytest.mark.parametrize("record", [FULL, CondaRecord("0")])
def test_what_is_written_is_read(record: CondaRecord) -> None:
    assert decode_conda(encode_conda(record)) == record


def test_what_is_usual_is_left_out() -> None:
    assert encode_conda(CondaRecord("0")) == {"build": "0", "build_number": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"build": "../x"},
        {"build_number": -1},
        {"build_number": True},
        {"noarch": "ruby"},
        {"md5": "0"},
        {"site_packages": "/etc"},
        {"site_packages": "lib/../.."},
        {"provides": ["A B"]},
        {"variables": ["A\nB=1"]},
        {"scripts": ["etc/conda/activate.d/../../x.sh"]},
        {"post_link": "yes"},
        {"post_link": 1},
        {"more": 1},
    ],
    ids=str,
)
def test_anything_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadLock):
        decode_conda({**encode_conda(FULL), **change})
