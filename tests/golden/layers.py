"""Digests and contents of a layer of each kind, as they are now.

`python -m tests.golden.layers` writes them to layers.json. A digest may change only with its
builtin's version (envbuild/rule/builtins.py); the lists beside them show what it was that changed.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

from envbuild.archive.listing import encode_listing
from tests.makers.layers import LAYERS, WriteLayer

GOLDEN = Path(__file__).with_name("layers.json")


def layers() -> dict[str, dict[str, object]]:
    """What the golden file holds, by the layers' names."""
    return {name: describe(write) for name, write in LAYERS.items()}


def describe(write: WriteLayer) -> dict[str, object]:
    """What the golden file holds of a layer."""
    info = write(io.BytesIO())
    lines = encode_listing(info.entries).decode("utf-8", "backslashreplace").splitlines()
    return {
        "diff_id": info.diff_id,
        "digest": str(info.digest),
        "listing": [" ".join(line.split("\0")).rstrip() for line in lines],
    }


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(layers(), indent=1, sort_keys=True) + "\n")
