"""What is remembered of a wheel is what the wheel says, of the package that was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from envbuild.core.errors import SourceError
from envbuild.lock.resolve.answer import Descriptions
from envbuild.lock.resolve.candidates import Candidate, WheelFile
from envbuild.sources.http import HttpClient
from envbuild.sources.index import PackageIndexes
from envbuild.sources.wheel_metadata import metadata_cache
from tests.makers.index import make_package, run_index


# Metadata are remembered by the sha256 that the index claims: another package's must not be.
@pytest.mark.parametrize("other", [make_package("beta"), make_package("alpha", "2.0")])
def test_another_wheel_s_bytes(other: tuple[str, bytes], tmp_path: Path) -> None:
    with run_index(make_package("alpha", "1.0", ["dep"])) as index:
        indexes = PackageIndexes(HttpClient(), {"main": index.url})
        describe = Descriptions(indexes, metadata_cache(tmp_path / "cache"))
        (right,) = index.files["alpha"]
        file = WheelFile(right.name, f"{index.origin}/files/{right.name}", right.sha256)
        candidate = Candidate("alpha", "1.0", "main", (file,))
        index.files["alpha"] = [replace(right, data=other[1])]
        with pytest.raises(SourceError, match=r"cannot fetch `alpha` from `main`: .*, not of `alpha 1.0`"):
            describe.remote(candidate, file)
        index.files["alpha"] = [right]
        assert describe.remote(candidate, file).values("Requires-Dist") == ("dep",)
        requests = len(index.requests)
        describe.remote(candidate, file)
        assert len(index.requests) == requests
