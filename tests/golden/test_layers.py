"""The bytes of layers are promised, whatever machine makes them."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from typing import Any

import pytest

from tests.golden.layers import GOLDEN, describe
from tests.makers.layers import LAYERS
from tests.makers.processes import run_python
from tests.makers.servers import require_programs

EXPECTED: dict[str, dict[str, object]] = json.loads(GOLDEN.read_text())

# Prints the layers' golden data, and which features the processor has.
PRINT = """
import json
from tests.golden.layers import layers
from tests.makers.processor import FEATURES, has_feature
print(json.dumps({"layers": layers(), "features": [each for each in FEATURES if has_feature(each)]}))
"""
# A zlib as others might be: what it compresses has the same contents and other bytes.
ANOTHER_ZLIB = """
import zlib
compressobj = zlib.compressobj
def other(level=-1, method=zlib.DEFLATED, wbits=zlib.MAX_WBITS, *rest, **more):
    return compressobj(0, method, wbits)
def compress(data, /, level=-1, wbits=zlib.MAX_WBITS):
    made = other(wbits=wbits)
    return made.compress(data) + made.flush()
zlib.compressobj, zlib.compress = other, compress
import gzip
assert len(gzip.compress(bytes(1000))) > 1000
"""
# The bundled codec as another release might be: each changes which matches are taken.
ANOTHER_CODEC = """
import deflate
from envbuild.archive.gzip import LEVEL
compress = deflate.deflate_compress
deflate.deflate_compress = lambda data, level: compress(data, level + (level == LEVEL))
"""


@pytest.mark.parametrize("name", LAYERS)
def test_bytes(name: str) -> None:
    assert describe(LAYERS[name]) == EXPECTED[name], "see tests/golden/layers.py before you write them anew"


def test_no_golden_digest_is_left_behind() -> None:
    assert set(EXPECTED) == set(LAYERS)


def test_the_machine_s_zlib_makes_no_byte() -> None:
    assert run_script(ANOTHER_ZLIB + PRINT)["layers"] == EXPECTED


def test_another_codec_would_be_seen() -> None:
    found = run_script(ANOTHER_CODEC + PRINT)["layers"]
    for name, layer in EXPECTED.items():
        assert found[name]["diff_id"] == layer["diff_id"]
        assert found[name]["digest"] != layer["digest"]


# The codec chooses its functions by what the processor can. What it may find: nothing beyond SSE3; an
# old server's; all but the instructions that matter most to it.
@pytest.mark.services
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the interpreter that is emulated is this one")
@pytest.mark.parametrize(
    ("processor", "present", "absent"),
    [
        ("qemu64", {"sse2"}, {"pclmulqdq", "avx", "avx2", "bmi2"}),
        ("max,-pclmulqdq,-bmi2", {"sse2", "avx", "avx2"}, {"pclmulqdq", "bmi2"}),
    ],
)
def test_the_processor_decides_no_byte(processor: str, present: set[str], absent: set[str]) -> None:
    require_programs("qemu-x86_64-static")
    found = run_script(PRINT, before=["qemu-x86_64-static", "-cpu", processor])
    assert present <= set(found["features"])
    assert not absent & set(found["features"])
    assert found["layers"] == EXPECTED


def run_script(script: str, before: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON that a script prints."""
    done = run_python(script, before=before)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert isinstance(printed, dict)
    return printed
