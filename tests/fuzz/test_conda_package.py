"""Conda packages with changed bytes, headers or documents become a layer that holds together, or refused."""

from __future__ import annotations

import bz2
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.archive.conda_layer import write_conda_layer
from envbuild.archive.conda_prefix import replace_prefix
from envbuild.archive.layer_info import LayerInfo
from tests.makers.conda_packages import CondaFile, CondaPackage, pack
from tests.makers.conda_samples import SAMPLES, binary, text
from tests.makers.debian import entry, make_tar, mend_sums
from tests.makers.documents import documents, read_or_say, words
from tests.makers.mutants import fuzz, mutants, read_or_refuse
from tests.makers.reread import check_layer

FILES: dict[str, str | bytes | CondaFile] = {
    "site-packages/x.py": "1",
    "python-scripts/run": text("#!PREFIX/bin/python\n"),
    "lib/x.so": binary(b"\0PREFIX/lib\0"),
    "lib/link": CondaFile(link="x.so"),
    "lib/hard": CondaFile(same_as="site-packages/x.py"),
    "lib/changed": CondaFile(same_as="lib/x.so"),
}
SAMPLE = CondaPackage("x", FILES, noarch="python", entry_points=["run-x = x:main"])
PACKED = SAMPLE.build_package()
MEMBERS = [at for at in range(len(PACKED)) if PACKED[at : at + 2] == b"PK"]
DOCUMENTS: dict[str, Any] = {
    "index.json": SAMPLE.describe(),
    "link.json": {"noarch": {"type": "python", "entry_points": ["a = b:c", "d=e:f.g"]}},
    "paths.json": {
        "paths": [
            {
                "_path": "lib/x.so",
                "path_type": "hardlink",
                "prefix_placeholder": "/old",
                "file_mode": "binary",
            },
            {"_path": "lib/link", "path_type": "softlink"},
            {"_path": "lib/folder", "path_type": "directory"},
            {"_path": "site-packages/x.py", "sha256": "0" * 64, "size_in_bytes": 1, "no_link": False},
        ],
        "paths_version": 1,
    },
}
CONTENTS = [file.entry(path) for path, file in FILES.items() if isinstance(file, CondaFile)]
TAR = make_tar([entry("site-packages/x.py", b"1"), *CONTENTS])
INFO = make_tar([entry(f"info/{name}", json.dumps(value).encode()) for name, value in DOCUMENTS.items()])
FIELDS = [base + at for base in range(0, 512 * 9, 512) for at in (0, 100, 124, 148, 156, 157, 257, 345)]


def write(package: bytes, out: io.BytesIO) -> LayerInfo:
    return write_conda_layer(
        io.BytesIO(package),
        out,
        prefix="opt/env",
        python="3.11.9",
        site_packages="lib/python3.11/site-packages",
    )


def check(package: bytes) -> LayerInfo | None:
    """Write the package's layer and look at it; gives None where the package is refused."""
    out = io.BytesIO()
    info = read_or_say(lambda: write(package, out))
    if info:
        check_layer(out.getvalue(), info)
        assert all(f"{entry.path}/".startswith("opt/") for entry in info.entries)
    return info


@fuzz
@given(mutants(PACKED, marks=MEMBERS))
def test_changed_bytes(package: bytes) -> None:
    check(package)


@fuzz
@given(mutants(bz2.compress(TAR), limit=2))
def test_changed_bytes_of_the_older_format(package: bytes) -> None:
    check(package)


@fuzz
@given(mutants(TAR, marks=FIELDS), mutants(INFO, marks=FIELDS) | st.just(INFO))
def test_changed_headers(tar: bytes, info: bytes) -> None:
    check(pack("x-1.0-0", mend_sums(tar), mend_sums(info)))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_changed_documents(name: str) -> None:
    @fuzz
    @given(documents(DOCUMENTS[name]))
    def changed(document: bytes) -> None:
        others = [(each, json.dumps(value).encode()) for each, value in DOCUMENTS.items() if each != name]
        info = [entry(f"info/{each}", data) for each, data in [*others, (name, document)]]
        check(pack("x-1.0-0", TAR, make_tar(info)))

    changed()


LINES = words(*FILES, "\n", " ", '"', "'", "\\", "text", "binary", "/old", most=20)


@fuzz
@given(LINES, LINES, LINES)
def test_any_older_lists(files: str, has_prefix: str, no_link: str) -> None:
    older = {"files": files, "has_prefix": has_prefix, "no_link": no_link}
    info = [entry("info/index.json", json.dumps(DOCUMENTS["index.json"]).encode())]
    info += [entry(f"info/{name}", data.encode("utf-8", "surrogatepass")) for name, data in older.items()]
    check(pack("x-1.0-0", TAR, make_tar(info)))


@fuzz
@given(
    st.lists(st.sampled_from([b"/old", b"/ol", b"#!", b"\0", b"\n", b" ", b"x", b"\xff"])).map(b"".join),
    st.sampled_from(["/old", "/o", "old", "#!"]),
    st.sampled_from(["/", "/new", "/a b", "/old/old", "/" + "n" * 200]),
    st.booleans(),
)
def test_any_contents_and_prefix(data: bytes, placeholder: str, prefix: str, as_binary: bool) -> None:
    def replace() -> bytearray:
        return replace_prefix(bytearray(data), placeholder, prefix, binary=as_binary)

    replaced = read_or_refuse(replace)
    if as_binary:
        # Nothing moves but within texts, and what has no room is refused.
        assert (replaced is None) == (placeholder.encode() in data and len(prefix) > len(placeholder))
        assert replaced is None or len(replaced) == len(data)
    else:
        assert replaced is not None


def test_what_nobody_changed_is_written() -> None:
    assert check(PACKED)
    assert all(check(package.build_package()) for package in SAMPLES.values())
