from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.makers.index import FakeIndex, run_index
from tests.makers.project import Project, name_indexes


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    """An empty package index."""
    with run_index() as index:
        yield index


@pytest.fixture
def project(tmp_path: Path, index: FakeIndex) -> Project:
    """An empty workspace whose only package index is `index`."""
    return Project(tmp_path).write({"envbuild.yaml": name_indexes(pypi=index.url)})
