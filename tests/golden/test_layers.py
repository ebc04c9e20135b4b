"""The bytes of layers are promised: a change of one moves its builtin's version (envbuild/rule/builtins.py).

`python -m tests.golden.test_layers` writes layers.json anew.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.makers.layers import LAYERS, WriteLayer

GOLDEN = Path(__file__).with_name("layers.json")


def digests_of(write: WriteLayer) -> dict[str, str]:
    """What the golden file holds of a layer."""
    info = write(io.BytesIO())
    return {"diff_id": info.diff_id, "digest": str(info.digest)}


@pytest.mark.parametrize("name", LAYERS)
def test_bytes(name: str) -> None:
    assert digests_of(LAYERS[name]) == json.loads(GOLDEN.read_text())[name]


def test_no_golden_digest_is_left_behind() -> None:
    assert set(json.loads(GOLDEN.read_text())) == set(LAYERS)


if __name__ == "__main__":
    digests = {name: digests_of(write) for name, write in LAYERS.items()}
    GOLDEN.write_text(json.dumps(digests, indent=1, sort_keys=True) + "\n")
